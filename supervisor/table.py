"""The flow table's file: made here, sparse and 0600, mapped by each worker in turn, read for its vitals."""

import os
import time
from pathlib import Path

from shared import vitals
from shared.errors import FlowherdError


class Table:
    """One interface's flow table; it outlives its workers and is removed after a clean end."""

    def __init__(self, fd: int, path: Path | None) -> None:
        self.fd, self._path = fd, path

    @classmethod
    def create(cls, name: str, size_mib: int, folder: Path | None) -> "Table":
        """A new empty table under `folder`, or in memory alone when there is none (replay)."""
        if folder is None:
            table = cls(os.memfd_create(f"flowherd-{name}", os.MFD_CLOEXEC), None)
        else:
            path = folder / name.replace("/", "_")
            path.unlink(missing_ok=True)
            table = cls(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path)
            check_room(folder, size_mib)
        os.truncate(table.fd, size_mib << 20)
        os.pwrite(table.fd, vitals.initial_page(time.time_ns()), 0)
        return table

    def read(self) -> dict[str, int]:
        """The worker's words and counters, as they stand."""
        return vitals.read_page(os.pread(self.fd, vitals.PAGE_BYTES, 0))

    def close(self, *, remove: bool = True) -> None:
        """Let go of it; kept on disk only when its records were not all delivered."""
        os.close(self.fd)
        if self._path and remove:
            self._path.unlink(missing_ok=True)


def check_room(folder: Path, size_mib: int) -> None:
    """A sparse file that cannot be filled kills its worker with SIGBUS: refuse it beforehand."""
    room = os.statvfs(folder)
    free_mib = room.f_bavail * room.f_frsize >> 20
    if free_mib < size_mib // 4:
        raise FlowherdError(
            f"{folder} has {free_mib} MiB free, too little for a flow table of up to {size_mib} MiB; "
            "set runtime_dir to a roomier place or table_mib lower"
        )
