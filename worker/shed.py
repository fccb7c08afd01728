"""Give the compiler's pages back once the kernels are compiled: some 80 MB of LLVM's code nobody runs again.

Only executable mappings of a file: they are clean, and the kernel reads them again should anyone need them.
"""

import ctypes
from collections.abc import Iterable, Iterator

COMPILER = "llvmlite"
MADV_DONTNEED = 4


def code_of(name: str, maps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """(start, bytes) of each executable file mapping whose path holds `name`, from /proc/self/maps."""
    for line in maps:
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[1] == "r-xp" and name in fields[5]:
            start, end = (int(bound, 16) for bound in fields[0].split("-"))
            yield start, end - start


def compiler_pages() -> None:
    """Unmap the pages of LLVM's code from this process; advice, so nothing is lost when it is refused."""
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    with open("/proc/self/maps") as maps:  # noqa: PTH123 - a line at a time, as the kernel makes it
        for start, size in list(code_of(COMPILER, maps)):
            madvise(start, size, MADV_DONTNEED)
