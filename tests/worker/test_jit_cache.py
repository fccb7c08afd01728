"""Where compiled kernels are kept, whichever module of the worker is imported first."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from worker import jit_cache


def in_python(code, **settings):
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | settings
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["layout", "clock", "expiry", "octets", "capture.pcap", "jit"])
def test_no_module_imports_numba_before_the_folder_is_settled(module):
    """It reads NUMBA_CACHE_DIR once; beside the sources, a kernel would outlive a change of what it calls."""
    code = f"import worker.{module}, numba; print(numba.config.CACHE_DIR)"
    assert in_python(code, NUMBA_DISABLE_JIT="1") == str(jit_cache.folder(jit_cache.DEFAULT_ROOT))


def test_each_mode_has_its_own_folder():
    code = "from worker import jit_cache; print(jit_cache.folder('/x'))"
    assert in_python(code, FLOWHERD_CHECK_BOUNDS="1") != in_python(code)


def test_a_changed_source_has_another_folder(monkeypatch, tmp_path):
    """Ours or one that shared keeps: a kernel has their constants in it."""
    for package in ("worker", "shared"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "a.py").write_text("A = 1")
    monkeypatch.setattr(jit_cache, "__file__", str(tmp_path / "worker" / "jit_cache.py"))
    seen = {jit_cache.folder("/x")}
    for package in ("worker", "shared"):
        (tmp_path / package / "a.py").write_text("A = 2")
        seen.add(jit_cache.folder("/x"))
    assert len(seen) == 3


KERNEL = """
from numba import types
from worker.jit import inlined, kernel

@inlined
def twice(x):
    return x * 2

@kernel(types.int64(types.int64))
def doubled(x):
    return twice(x)
"""
LOOK = """
import sys
sys.path.insert(0, FOLDER)
from some_kernel import doubled
from worker.jit import dispatchers
known = dispatchers["doubled"]
library = next(iter(known.overloads.values())).library
module = library._shared_module
words = sum(len(list(block.instructions)) for f in module.functions for block in f.blocks)
print(doubled(21), sum(known.stats.cache_hits.values()), words - len(list(module.functions)))
print("numba.np.linalg" in sys.modules)
"""


def test_a_kernel_is_loaded_without_bitcode_and_without_what_compiling_needs(tmp_path):
    """One `unreachable` for each name is all that is left of it beside the machine code."""
    (tmp_path / "some_kernel.py").write_text(KERNEL)
    code, cache = LOOK.replace("FOLDER", repr(str(tmp_path))), str(tmp_path / "cache")
    compiled = in_python(
        code.replace("module.functions", "library._final_module.functions"), NUMBA_CACHE_DIR=cache
    )
    loaded = in_python(code, NUMBA_CACHE_DIR=cache)
    assert compiled.split()[:2] == ["42", "0"]
    assert loaded.split() == ["42", "1", "0", "False"]
