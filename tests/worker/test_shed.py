"""Memory that goes back to the kernel."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

HEAP = """
from worker import shed
def heap_kib():
    lines = iter(open("/proc/self/smaps"))
    return next(int(next(lines).split()[1]) for line in lines if line.rstrip().endswith("[heap]"))
FIRST
before = heap_kib()
for _ in range(4):
    block = bytearray(3 << 20)
    del block
    kept = [bytearray(3 << 20), bytearray(1000)]
print(heap_kib() - before)
"""


@pytest.mark.parametrize(("first", "stays"), [("shed.large_blocks_at_once()", False), ("", True)])
def test_messages_are_not_kept_in_the_heap(first, stays):
    """As glibc by itself does from the second on."""
    words = [sys.executable, "-c", HEAP.replace("FIRST", first)]
    grown_kib = int(subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert (grown_kib > 2000) is stays
