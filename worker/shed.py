"""Memory given back to the kernel: the compiler's code and garbage once all is compiled, records when delivered.

The compiler is some 80 MB of LLVM's code nobody runs again. Only executable mappings of a file go: they are clean, and
the kernel reads them again should anyone need them.
"""

import ctypes
import mmap
from collections.abc import Iterable, Iterator
from typing import Any

COMPILER = "llvmlite"
_madvise = ctypes.CDLL(None).madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def code_of(name: str, maps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """(start, bytes) of each executable file mapping whose path holds `name`, from /proc/self/maps."""
    for line in maps:
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[1] == "r-xp" and name in fields[5]:
            start, end = (int(bound, 16) for bound in fields[0].split("-"))
            yield start, end - start


def compiler_pages() -> None:
    """Unmap the pages of LLVM's code from this process; advice, so nothing is lost when it is refused."""
    with open("/proc/self/maps") as maps:  # noqa: PTH123 - a line at a time, as the kernel makes it
        for start, size in list(code_of(COMPILER, maps)):
            _madvise(start, size, mmap.MADV_DONTNEED)


def heap() -> None:
    """Give back what loading kernels took for a moment (malloc_trim(3)); a C library without it has its own ways."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def pages_between(array: Any) -> None:
    """Make the pages that lie wholly within a part of a memory file zero again, and free."""
    page = mmap.PAGESIZE
    start = -(-array.ctypes.data // page) * page
    end = (array.ctypes.data + array.nbytes) // page * page
    if end > start:
        _madvise(start, end - start, mmap.MADV_REMOVE)
