"""How many records a device may send: its flows a second, over all NICs, in the records' own time.

In their own time, so that what an outage left in the spool is not taken for a burst.
"""

BURST_S = 2.0


class Allowance:
    """`rate` records a second; what is not used in BURST_S is gone."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._left = BURST_S * rate
        self._time_ns = 0

    def take(self, wanted: int, time_ns: int, first_ns: int = 0) -> int:
        """How many of the records wanted may be sent; `time_ns`: the latest of their times, `first_ns` the earliest.

        The first records of all may be what an earlier exporter could not send: they have the time they span.
        """
        self._time_ns = self._time_ns or first_ns
        if self._time_ns:
            gone_s = max(time_ns - self._time_ns, 0) / 1e9
            self._left = min(self._left + gone_s * self.rate, max(BURST_S, gone_s) * self.rate)
        self._time_ns = max(time_ns, self._time_ns)
        granted = min(wanted, int(self._left))
        self._left -= granted
        return granted
