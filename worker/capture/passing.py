"""What goes with a dead worker's libpcap handle: its batch and its buffer, and what comes before there is another.

Each look notes in the flow table's first page how many packets the interface had passed and how many of them we had
or were to get; a successor compares. With a filter not all that passed was ours, and offload makes fewer packets of
more, so what it counts is a bound, and said to be one.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from shared.vitals import INDEX

PASSED, DUE, RECEIVED, MISSED = (
    INDEX[name] for name in ("handle_passed", "handle_due", "packets_received", "packets_missed")
)
STATISTICS = ("rx_packets", "tx_packets")


class Passing:
    """The interface's counters, held open; `words` is the flow table's first page."""

    def __init__(self, interface: str, words: Any) -> None:
        self._words, self._files = words, []
        folder = Path("/sys/class/net", interface, "statistics")
        with suppress(OSError):
            self._files = [os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC) for name in STATISTICS]
        if self._files and words[PASSED]:
            lost = int(words[DUE] - words[RECEIVED]) + self._passed() + 1 - int(words[PASSED])
            words[MISSED] += max(lost, 0)
        self.note(0)

    def note(self, waiting: int) -> None:
        """So many packets wait for us in the handle's buffer."""
        if self._files:
            self._words[PASSED] = self._passed() + 1  # 0: nobody has looked yet
            self._words[DUE] = self._words[RECEIVED] + waiting

    def _passed(self) -> int:
        with suppress(OSError):  # the interface is gone
            return sum(int(os.pread(file, 32, 0)) for file in self._files)
        return max(int(self._words[PASSED]) - 1, 0)
