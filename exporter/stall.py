"""While the spool takes nothing: said once, and once more when it takes everything and goes on doing so (step 9)."""

import time

from exporter.log import log

CALM_S = 5.0


class Stall:
    """`why` is empty while all is well; a disk on which room comes and goes is full all that time."""

    def __init__(self) -> None:
        self.why = ""
        self._last_s = 0.0

    def refused(self, why: str) -> None:
        """Something could not be kept."""
        if not self.why:
            log.error("the spool takes nothing, workers keep their records meanwhile", why=why)
        self.why, self._last_s = why, time.monotonic()

    def look(self, *, is_waiting: bool) -> None:
        """Over when nothing waits and nothing was refused for a while."""
        if self.why and not is_waiting and time.monotonic() - self._last_s >= CALM_S:
            self.why = ""
            log.info("the spool has room again")
