"""The sink that takes everything and keeps nothing: what speed is measured with."""

from exporter.sinks.base import Place
from shared.record import Batch


class Null:
    """Counts nothing itself; its delivery does."""

    def __init__(self, place: Place) -> None:
        del place

    @staticmethod
    def warm() -> None:
        """Nothing to import."""

    def open(self, start: int) -> int:
        """Start at now, always."""
        return start

    def add(self, sequence: int, batch: Batch) -> None:
        """Take one batch."""

    def due(self, *, idle: bool) -> bool:
        """At once."""
        del idle
        return True

    def flush(self) -> None:
        """Nothing is kept."""

    def discard(self) -> None:
        """Nothing was kept."""

    def tidy(self) -> None:
        """Nothing is in disorder."""

    def figures(self) -> dict[str, int]:
        """None."""
        return {}

    def close(self) -> None:
        """Nothing is held."""
