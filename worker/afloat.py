"""Records that the outbox dropped while they were in the pipe: the exporter gets them yet, unless it dies (step 8)."""


class Afloat:
    """Ranges of record numbers, in order, that are neither in the outbox nor acknowledged."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def add(self, first: int, end: int) -> None:
        """Records from `first` to before `end` were dropped, and had been sent."""
        if first < end:
            self._ranges.append((first, end))

    def acknowledged(self, following: int) -> None:
        """The exporter has all before this one."""
        self._ranges = [(max(first, following), end) for first, end in self._ranges if end > following]

    def sink(self) -> int:
        """The pipe is gone, and they with it: how many."""
        lost = sum(end - first for first, end in self._ranges)
        self._ranges.clear()
        return lost
