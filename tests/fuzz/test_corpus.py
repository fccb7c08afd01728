"""What fuzzers found, again: with compiled kernels, with kernels that check every index, and as plain Python."""

import importlib
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.fuzz.corpus import TARGETS, kept, module_of, run
from tests.fuzz.seeds import SEEDS


@pytest.mark.parametrize("name", TARGETS)
def test_compiled(name):
    assert run(name) == len(kept(name)) > 20


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name):
    """A fuzzer begins with what breaks no promise."""
    target = importlib.import_module(module_of(name)).target
    for data in SEEDS[name]:
        target(data)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("switch", ["FLOWHERD_CHECK_BOUNDS", "NUMBA_DISABLE_JIT"])
def test_other_modes(switch):
    """Each has kernels of its own: they are another process's."""
    words = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.corpus"]
    there = {"cwd": ROOT, "env": os.environ | {switch: "1"}}
    done = subprocess.run(words, **there, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [word for name in TARGETS for word in (name, str(len(kept(name))))]
