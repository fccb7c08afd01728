"""One exporter at a time has the spool: a new one waits until the orphan of a killed flowherd has ended."""

import os
import time
from pathlib import Path

from exporter.log import log
from shared.errors import FlowherdError
from shared.file_lock import is_locked

NAME = "lock"
PATIENCE_S = 15.0  # an orphan takes 7 at most
LOOK_S = 0.05


def take(folder: Path, patience_s: float = PATIENCE_S) -> None:
    """Hold the lock as long as this process lives; FlowherdError names who has it."""
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until_s, waits = time.monotonic() + patience_s, False
    while not is_locked(descriptor):
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        if time.monotonic() >= until_s:
            os.close(descriptor)
            raise FlowherdError(
                f"spool {folder}: the exporter with pid {holder} has it; end that one, or give this flowherd its own "
                "--state-dir"
            )
        if not waits:
            log.info("the exporter before this one still has the spool", pid=holder)
        waits = True
        time.sleep(LOOK_S)
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
