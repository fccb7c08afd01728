"""How the exporter ends: drained, retired in favour of a successor, or alone because the supervisor died."""

import math
import time
from collections.abc import Sequence

from exporter.delivery import Delivery

DRAIN_S = 1.0
ORPHAN_S = 3.0  # workers end within 2 s
DELIVER_S, COMMIT_S = 2.0, 4.0


class Ending:
    """Begun by one of three orders; over when every sink's thread has ended."""

    def __init__(self) -> None:
        self.is_begun = self.is_retired = False
        self._patience_s = DRAIN_S
        self._read_by_s = self._leave_s = self._over_s = math.inf

    def drain(self) -> None:
        """All workers are gone: everything is read and delivered, whatever time it takes."""
        self.is_begun = True

    def retire(self) -> None:
        """Sinks commit what they have in hand; the rest waits in the spool for the successor."""
        self.is_begun = self.is_retired = True
        self._leave_s = 0.0

    def orphan(self) -> None:
        """What workers still bring is kept; it is delivered if that is soon done, for a next flowherd may wait."""
        self.is_begun, self._patience_s = True, ORPHAN_S
        self._read_by_s = time.monotonic() + ORPHAN_S

    def is_over(self, silent_s: float, deliveries: Sequence[Delivery], *, has_inlets: bool) -> bool:
        """Pipes at their end or silent for a while, then every sink's thread at its end."""
        now_s = time.monotonic()
        is_silent = silent_s > self._patience_s or now_s > self._read_by_s
        if not self.is_begun or (has_inlets and not is_silent):
            return False
        self._give_notice(now_s)
        for delivery in deliveries:
            delivery.leave() if now_s >= self._leave_s else delivery.drain()
        return now_s >= self._over_s or not any(delivery.is_alive() for delivery in deliveries)

    def _give_notice(self, now_s: float) -> None:
        """An orphan's sinks have this long from the end of its pipes."""
        if math.isfinite(self._read_by_s) and math.isinf(self._over_s):
            self._leave_s, self._over_s = now_s + DELIVER_S, now_s + COMMIT_S
