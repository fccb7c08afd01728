"""A sign of life every second, from a thread of its own: the loop may wait for a slow disk and is not stuck."""

import threading
import time
from collections.abc import Callable
from typing import Any

BEAT_S = 1.0


class Pulse(threading.Thread):
    """Tells how long the loop has not turned."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(name="pulse", daemon=True)
        self._tell = tell
        self._turned_s = time.monotonic()

    def turned(self) -> None:
        """The loop has come round."""
        self._turned_s = time.monotonic()

    def run(self) -> None:
        """Until the process ends."""
        while True:
            time.sleep(BEAT_S)
            self._tell({"did": "alive", "turn_s": round(time.monotonic() - self._turned_s, 3)})
