"""The exporter's own counts and the workers' latest, by interface, for the status page and the reports."""

import time
from collections import Counter
from math import exp
from typing import Any

TICK_S = 5.0
GONE_S = 600.0  # scraped meanwhile: then its counters are in the sums alone


class Rate:
    """Events a second, weighted by age as kprobe's are, over one and five minutes, moved on every 5 s.

    The first 5 s stand for all that was before: a rate does not begin at 0.
    """

    def __init__(self) -> None:
        self.count = 0
        self.one_minute = 0.0
        self.five_minutes = 0.0
        self._counted = 0
        self._has_moved = False
        self._ticked_s: float | None = None

    def tick(self, count: int, now_s: float) -> None:
        """Take the total so far."""
        self.count = count
        if self._ticked_s is None:
            self._ticked_s = now_s
        while now_s - self._ticked_s >= TICK_S:
            self._move((count - self._counted) / TICK_S)
            self._counted = count
            self._ticked_s += TICK_S

    def _move(self, rate: float) -> None:
        if not self._has_moved:
            self.one_minute = self.five_minutes = rate
        self._has_moved = True
        self.one_minute += (1 - exp(-TICK_S / 60)) * (rate - self.one_minute)
        self.five_minutes += (1 - exp(-TICK_S / 300)) * (rate - self.five_minutes)

    def shown(self) -> dict[str, float]:
        """The rate in kprobe's words."""
        return {"count": self.count, "1m.rate": self.one_minute, "5m.rate": self.five_minutes}


class Figures:
    """Counts by interface. Plain dicts: written by one thread, read by others one value at a time."""

    def __init__(self) -> None:
        self.by_interface: dict[str, Counter[str]] = {}
        self.workers: dict[str, dict[str, int]] = {}
        self._past: Counter[str] = Counter()
        self._gone_s: dict[str, float] = {}
        self.spool_dropped_records = 0
        self.records_in = Rate()
        self.records_out = Rate()

    def of(self, interface: str) -> Counter[str]:
        """The exporter's counts of one interface."""
        if interface not in self.by_interface:
            self.by_interface[interface] = Counter()
        return self.by_interface[interface]

    def worker(self, interface: str) -> dict[str, int]:
        """The worker's counters as last heard."""
        return self.workers.setdefault(interface, {})

    def heard(self, workers: list[dict[str, Any]]) -> None:
        """The supervisor's `workers` message: it knows those that send nothing, too."""
        for worker in workers:
            known = self.worker(worker["name"])
            known.update(worker.get("counters") or {})
            known["restarts"] = worker.get("restarts", 0)
            known["sample_rate"] = worker.get("sample", 1)
            known["worker_up"] = int(bool(worker.get("capturing")))
        names, now_s = {worker["name"] for worker in workers}, time.monotonic()
        gone = self.workers.keys() - names
        self._gone_s = {name: self._gone_s.get(name, now_s) for name in gone}
        for name in gone:
            self.workers[name]["worker_up"] = 0
        self._forget({name for name, since_s in self._gone_s.items() if now_s - since_s > GONE_S})

    def _forget(self, names: set[str]) -> None:
        """Containers come and go, each with a name of its own; whoever reads the former dicts goes on doing so."""
        if not names:
            return
        for name in names:
            self._past.update(self.by_interface.get(name, {}))
        self.by_interface = {name: counts for name, counts in self.by_interface.items() if name not in names}
        self.workers = {name: counts for name, counts in self.workers.items() if name not in names}

    def total(self, name: str) -> int:
        """The sum of one of the exporter's counters over all interfaces there ever were."""
        return self._past[name] + sum(counts[name] for counts in list(self.by_interface.values()))

    def tick(self, records_in: int, records_out: int) -> None:
        """Move the rates on."""
        now_s = time.monotonic()
        self.records_in.tick(records_in, now_s)
        self.records_out.tick(records_out, now_s)
