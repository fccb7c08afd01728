"""What a process is born with: three standard descriptors, and the right to as many others as it needs."""

import errno
import os
import resource
import sys
from pathlib import Path

DESCRIPTORS_MOST = 65536
RESERVE = 24  # two processes that start at once, their pipes and channels, and whoever asks for the status
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


def keep_some() -> None:
    """OSError when so few are left that a worker more would keep those we have from being started again."""
    used = len(list(Path("/proc/self/fd").iterdir()))
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] - used < RESERVE:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def reason(error: OSError) -> str:
    """What the host refused, and what helps where descriptors have run out."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return f"too many open files, {most} are allowed; raise LimitNOFILE= of the service, or `ulimit -Hn`"
    return error.strerror or str(error)
