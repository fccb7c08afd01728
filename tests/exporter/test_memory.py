"""Memory of one batch serves the next."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from exporter import memory
memory.keep()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(8 << 20)
before = faults()
for _ in range(10):
    bytearray(b"x" * (8 << 20))
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_a_buffer_made_again_is_no_new_memory():
    """Without, each of the twenty buffers is 2048 pages anew."""
    told = subprocess.run([sys.executable, "-I", "-c", PROGRAM], capture_output=True, check=True)
    assert int(told.stdout) < 3 * 2048
