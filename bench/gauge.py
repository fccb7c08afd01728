"""Memory and descriptors of a running flowherd's processes, looked at now and then, and how they grow."""

import statistics
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench import tree

HOUR_S = 3600.0


@dataclass
class Series:
    """What one kind of process held, at which time."""

    at_s: list = field(default_factory=list)
    mib: list = field(default_factory=list)
    descriptors: list = field(default_factory=list)

    def add(self, at_s, mib, descriptors):
        for values, value in ((self.at_s, at_s), (self.mib, mib), (self.descriptors, descriptors)):
            values.append(value)

    def since(self, at_s):
        """What was seen from then on."""
        first = next((i for i, then in enumerate(self.at_s) if then >= at_s), len(self.at_s))
        return Series(self.at_s[first:], self.mib[first:], self.descriptors[first:])

    @property
    def mib_an_hour(self):
        """Slope by least squares; none of fewer than three looks."""
        if len(self.at_s) < 3:
            return float("nan")
        return statistics.linear_regression(self.at_s, self.mib).slope * HOUR_S


class Gauge:
    """One series for the supervisor and for each kind of its children."""

    def __init__(self, supervisor, victims):
        self._supervisor, self._victims = supervisor, victims
        self.series, self._began_s = {}, time.monotonic()

    def look(self):
        """Once."""
        for pid, kind in [(self._supervisor, "supervisor"), *self._victims.all()]:
            mib, open_ones = tree.own(pid).pss_mib, descriptors(pid)
            if mib and open_ones:
                now_s = time.monotonic() - self._began_s
                self.series.setdefault(kind, Series()).add(now_s, mib, open_ones)


def descriptors(pid):
    """How many the process has open; 0 when it is gone."""
    with suppress(OSError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0
