"""Is anything lost? A live flowherd's worker, nursery and exporter are killed -9 at random; every packet counts.

python -m bench.kills [--packets 5000000] [--kills 200] [--pps 40000] [--seed N]
The seed is printed: with it the same processes are killed after the same waits.
"""

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb

from bench import taker
from bench.victims import EARLY, Victims
from shared import manifest
from tests.system.host import flowherd, until

FLOWS = 2000
RING_MIB = (
    256  # a nursery that loads its kernels on a busy machine takes seconds, and the ring fills meanwhile
)
SLOW = 10  # how much longer a sender may take that does not have its core for itself
FIRST_S, LAST_S = 0.5, 1.0  # no kill so near to the first and last packet


@dataclass
class Found:
    """What was sent, what the store holds of it, and the counters at the end."""

    sent: int
    stored: int
    records: int
    counters: dict
    kills: Counter
    log: str

    @property
    def told(self):
        """Packets that a counter says are in no flow."""
        return sum(n for name, n in self.counters.items() if name.startswith("dropped_"))

    @property
    def missing(self):
        """Packets sent that are neither in the store nor told."""
        return self.sent - self.stored - self.told

    def check(self):
        """AssertionError unless the kernel dropped none, and at most one packet a kill is uncertain."""
        uncertain = self.counters["packets_uncertain"]
        assert self.counters["kernel_dropped"] == 0, self.log
        assert uncertain <= self.kills["worker"], f"{uncertain} uncertain of {self.kills}"
        assert 0 <= self.missing <= uncertain, f"{self.missing} missing, {uncertain} uncertain; {self.log}"
        assert self.counters["records_dropped"] == 0, self.log


def measure(packets, kills, pps, seed):
    """Send so many, kill so often, drain, and add up the store."""
    rng = random.Random(seed)
    with taker.road() as place, taker.folder() as home:
        words = ("--ring-mib", str(RING_MIB), "--core", str(taker.TAKER))
        with flowherd(place, home, *words, sink="store") as live:
            live.capturing()
            victims = Victims(live.process.pid, rng, lambda: live.counters()["packets_received"])
            sent = killed_under(live, place, victims, packets, pps, moments(rng, kills, packets / pps))
            counters = until(
                lambda: all_of(live, sent), lambda: f"{sent}: {live.counters()} {live.said()}", 60
            )
            live.stop()
        stored, records = in_store(home / "state" / "store")
        return Found(sent, stored, records, counters, victims.hit, live.said())


def moments(rng, kills, seconds):
    """Seconds from the first packet; and whether it may hit one that only starts."""
    last_s = max(seconds - LAST_S, FIRST_S)
    return sorted((rng.uniform(FIRST_S, last_s), rng.random() < EARLY) for _ in range(kills))


def killed_under(live, place, victims, packets, pps, at_s):
    """Kill at these moments while the packets come; how many were sent."""
    command = taker.sending(place, pps=pps, packets=packets, flows=FLOWS, seconds=SLOW * packets / pps)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        began_s = time.monotonic()
        for moment_s, early in at_s:
            time.sleep(max(0.0, began_s + moment_s - time.monotonic()))
            assert live.process.poll() is None, live.said()
            while sender.poll() is None and not victims.strike(early=early):
                time.sleep(0.005)
        return taker.told(sender)


def all_of(live, sent):
    """The counters once every packet sent is in one of them."""
    assert live.process.poll() is None, live.said()
    now = live.counters()
    return now if now["packets_received"] + now["kernel_dropped"] >= sent else None


def in_store(folder):
    """Packets, both directions together, and records of a store."""
    names = [str(folder / segment.name) for segment in manifest.read(folder).segments]
    if not names:
        return 0, 0
    query = "SELECT sum(packets + rev_packets), count(*) FROM read_parquet(?, union_by_name = true)"
    packets, records = duckdb.execute(query, [names]).fetchall()[0]
    return int(packets), records


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("packets", 5_000_000), ("kills", 200), ("pps", 40_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    found = measure(args.packets, args.kills, args.pps, args.seed)
    print(
        f"{found.sent:,} packets sent, {found.stored:,} in the store's {found.records:,} records, {found.told:,} in no "
        f"flow, {found.missing:,} missing; {found.counters['packets_uncertain']:,} uncertain, "
        f"{found.counters['kernel_dropped']:,} dropped by the kernel; kills: "
        + ", ".join(f"{kind} {count}" for kind, count in sorted(found.kills.items()))
    )
    found.check()


if __name__ == "__main__":
    main()
