"""One instance per interface: a lock file for each namespace and ifindex, with the holder's pid in it.

Interfaces' locks stand in one place, whatever an instance's own folders are.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from shared.errors import FlowherdError
from shared.file_lock import is_locked

FOLDER = Path("/run/flowherd/locks")
MOMENTS, MOMENT_S = 10, 0.01


class Lock:
    """Held from the first worker of an interface to its last; the kernel lets go of it when we die."""

    def __init__(self, fd: int, path: Path, refusal: Callable[[str], str], group: int) -> None:
        self._fd, self.path, self._refusal, self._group = fd, path, refusal, group

    @classmethod
    def take(cls, path: Path, refusal: Callable[[str], str], group: int = 0) -> "Lock":
        """The lock at `path`, or the sentence `refusal` makes of its holder's pid.

        Members of one fanout group share it: each sees packets that the others do not.
        """
        return cls(_locked(path, refusal, group), path, refusal, group)

    @property
    def is_there(self) -> bool:
        """Nobody removed its file, so whoever comes sees that it is held."""
        return os.fstat(self._fd).st_nlink > 0

    def renew(self) -> None:
        """Hold a file in the place of one that was removed; FlowherdError: another has it already."""
        if not self.is_there:
            fresh = _locked(self.path, self._refusal, self._group)
            os.close(self._fd)
            self._fd = fresh

    def release(self) -> None:
        """Let the next instance have it. Removed while still held, by the last: nobody trusts a removed file."""
        if self.is_there and is_locked(self._fd, fcntl.LOCK_EX):
            self.path.unlink(missing_ok=True)
        os.close(self._fd)


def _locked(path: Path, refusal: Callable[[str], str], group: int) -> int:
    """The lock file, held, with who holds it."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not is_locked(fd, fcntl.LOCK_EX) and not (group and _joined(fd, group)):
            pid = _content(fd)[0]
            os.close(fd)
            raise FlowherdError(refusal(pid))
        if os.fstat(fd).st_nlink:
            break
        os.close(fd)  # its last holder removed it between our open and our lock
    os.truncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()} {group or ''}".strip().encode() + b"\n", 0)
    if group:
        fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def _joined(fd: int, group: int) -> bool:
    """Whether those who hold it are members of the same fanout group; then so are we.

    Who has just come is alone for a moment, until its group is written.
    """
    for _ in range(MOMENTS):
        if _content(fd)[1] == str(group) and is_locked(fd, fcntl.LOCK_SH):
            return True
        time.sleep(MOMENT_S)
    return False


def _content(fd: int) -> tuple[str, str]:
    """The pid of who came last, and its fanout group."""
    pid, group, *_ = [*os.pread(fd, 40, 0).decode().split(), "unknown", "unknown"]
    return pid, group


def path_of(ifindex: int) -> Path:
    """The lock file of an interface in this network namespace."""
    return FOLDER / f"{Path('/proc/self/ns/net').stat().st_ino}-{ifindex}"


def watched_by(interface: str, pid: str) -> str:
    """The sentence for whoever comes second."""
    return f"{interface} is already watched by the flowherd with pid {pid}"


def is_held(ifindex: int) -> bool:
    """Some process watches this interface."""
    return bool(holder(path_of(ifindex)))


def holder(path: Path) -> str:
    """The pid of who holds the lock; empty when nobody does, or none of our business."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return "" if is_locked(fd, fcntl.LOCK_EX) else _content(fd)[0]
    finally:
        os.close(fd)
