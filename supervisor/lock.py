"""One instance per interface: a lock file for each namespace and ifindex, with the holder's pid in it.

Interfaces' locks stand in one place, whatever an instance's own folders are.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from shared.errors import FlowherdError

FOLDER = Path("/run/flowherd/locks")


class Lock:
    """Held from the first worker of an interface to its last; the kernel lets go of it when we die."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd, self._path = fd, path

    @classmethod
    def take(cls, path: Path, refusal: Callable[[str], str]) -> "Lock":
        """The lock at `path`, or the sentence `refusal` makes of its holder's pid."""
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                pid = os.pread(fd, 20, 0).decode().strip() or "unknown"
                os.close(fd)
                raise FlowherdError(refusal(pid)) from error
            if os.fstat(fd).st_nlink:
                break
            os.close(fd)  # its last holder removed it between our open and our lock
        os.truncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return cls(fd, path)

    def release(self) -> None:
        """Let the next instance have it. Removed while still held: nobody trusts a removed file."""
        self._path.unlink(missing_ok=True)
        os.close(self._fd)


def path_of(ifindex: int) -> Path:
    """The lock file of an interface in this network namespace."""
    return FOLDER / f"{Path('/proc/self/ns/net').stat().st_ino}-{ifindex}"


def watched_by(interface: str, pid: str) -> str:
    """The sentence for whoever comes second."""
    return f"{interface} is already watched by the flowherd with pid {pid}"


def is_held(ifindex: int) -> bool:
    """Some process watches this interface."""
    try:
        fd = os.open(path_of(ifindex), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
