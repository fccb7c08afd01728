"""What a process is born with: three standard descriptors, and the right to as many others as it needs."""

import os
import resource
import sys

DESCRIPTORS_MOST = 65536
STANDARD = ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))  # a closed stdout must not swallow records


def make_good() -> None:
    """Fill in what whoever started us had closed, or the next file opened would be our stderr; raise the limit."""
    for fd, flags in STANDARD:
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS_MOST if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_MOST)
    if 0 <= soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def for_files() -> int:
    """How many capture files may be open at once: the rest is for processes and their pipes."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4
