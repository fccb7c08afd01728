"""Freed memory is kept for the next batch: given back and taken anew it costs a page fault every 4 KiB."""

import contextlib
import ctypes

KEPT_BYTES = 32 << 20
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's numbers, man 3 mallopt


def keep() -> None:
    """Hold up to KEPT_BYTES; a C library without mallopt goes on as it likes."""
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(MMAP_THRESHOLD, KEPT_BYTES)
