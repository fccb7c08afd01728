"""What every sink does: take batches in order, and commit its cursor together with its data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from exporter.orders import Orders, SinkOrder
from shared.record import Batch


class Gone(Exception):  # noqa: N818 - it is no error of ours
    """Nobody will ever take from this sink again: the reader of its pipe has closed it."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a sink is made from: its order, the spool it reads, the descriptor opened for it."""

    order: SinkOrder
    orders: Orders
    spool_dir: Path
    spool_identity: str
    descriptor: int = -1


class Sink(Protocol):
    """Called by one thread, its own. After any exception what was added since the last flush comes again."""

    def __init__(self, place: Place) -> None:
        """Keep the place; touch nothing."""

    @staticmethod
    def warm() -> None:
        """Import what the sink's library imports late; called while every file may still be read."""

    def open(self, start: int) -> int:
        """Get ready; the sequence committed last. Without a cursor begin after `start`, and commit that."""

    def add(self, sequence: int, batch: Batch) -> None:
        """Take one batch; it need not be durable before `flush`."""

    def due(self, *, idle: bool) -> bool:
        """Whether to flush now; `idle`: no further batch is waiting."""

    def flush(self) -> None:
        """Make what was added durable, together with the sequence of the last batch added."""

    def discard(self) -> None:
        """Forget what was added since the last flush."""

    def tidy(self) -> None:
        """Housekeeping, called about every second."""

    def figures(self) -> dict[str, int]:
        """Counters of the sink's own by their names in shared/counters.py."""

    def close(self) -> None:
        """Let go of what is held."""
