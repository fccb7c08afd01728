"""One instance per interface: a lock file for each network namespace and ifindex, with the holder's pid in it."""

import fcntl
import os
from pathlib import Path

from shared.errors import FlowherdError


class Lock:
    """Held from the first worker of an interface to its last; the kernel lets go of it when we die."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd, self._path = fd, path

    @classmethod
    def take(cls, folder: Path, interface: str, ifindex: int) -> "Lock":
        """The lock of an interface in this network namespace, or a sentence that names its holder."""
        namespace = os.stat("/proc/self/ns/net").st_ino
        path = folder / f"{namespace}-{ifindex}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(fd, 20, 0).decode().strip() or "unknown"
            os.close(fd)
            raise FlowherdError(f"{interface} is already watched by the flowherd with pid {pid}") from error
        os.truncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return cls(fd, path)

    def release(self) -> None:
        """Let the next instance have the interface. The file stays: removing it would race with a waiting taker."""
        os.truncate(self._fd, 0)
        os.close(self._fd)
