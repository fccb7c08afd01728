"""Batch and acknowledgement pipes: made here, so that either side may die alone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

PIPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Pipes:
    """Both pipes of one worker, each end named by who holds it."""

    worker_batches: int
    worker_acks: int
    exporter_batches: int
    exporter_acks: int

    @property
    def to_worker(self) -> tuple[int, int]:
        """Write end of the batches, read end of the acknowledgements."""
        return self.worker_batches, self.worker_acks

    @property
    def to_exporter(self) -> tuple[int, int]:
        """Read end of the batches, write end of the acknowledgements."""
        return self.exporter_batches, self.exporter_acks


@contextmanager
def fresh() -> Iterator[Pipes]:
    """New pipes; our copies of all ends are closed once they have been handed on."""
    with ExitStack() as stack:
        batches_read, batches_write = _pipe(stack)
        acks_read, acks_write = _pipe(stack)
        widen(batches_write)
        yield Pipes(batches_write, acks_read, batches_read, acks_write)


def _pipe(stack: ExitStack) -> tuple[int, int]:
    both = os.pipe2(os.O_CLOEXEC)
    for fd in both:
        stack.callback(os.close, fd)
    return both


def widen(fd: int) -> None:
    """Ask for PIPE_BYTES; a user over the pipe quota keeps what the kernel gives."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except PermissionError:
        return
