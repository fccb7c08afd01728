"""Hours under live load with faults at random: what is lost, and what grows?

python -m bench.soak [--minutes 60] [--pps 20000] [--seed N] [--write docs/soak.md]
In the last third there are no faults, so that processes grow old and a leak shows.
"""

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import kills, taker
from bench.disk import full, small_disk
from bench.gauge import Gauge
from bench.result import Section, Table
from bench.victims import EARLY, KINDS, Victims
from tests.system.host import flowherd, until

ROUND_S = 30.0  # of packets; then all must be in a counter
CALM = 2 / 3  # from this part of the time on there are no faults
LOOK_S = 5.0
DISK_MIB = 512
STOPPED_S = {"worker": (0.3, 4.0), "nursery": (0.3, 10.0), "exporter": (0.3, 10.0)}
FULL_S, DOWN_S, APART_S = (3.0, 12.0), (0.2, 3.0), (2.0, 10.0)


class Soak:
    """One flowherd, its load, its faults, and what was seen of it."""

    def __init__(self, place, disk, live, rng, pps):
        self.place, self.disk, self.live, self.rng, self.pps = place, disk, live, rng, pps
        self.victims = Victims(live.process.pid, rng)
        self.gauge = Gauge(live.process.pid, self.victims)
        self.sent, self.faults, self.totals = 0, Counter(), Counter()
        self._look_s = 0.0

    def run(self, seconds):
        """Rounds of load until the time is over."""
        began_s = time.monotonic()
        while (at := (time.monotonic() - began_s) / seconds) < 1:
            self.round(calm=at >= CALM)
            if at < CALM and self.rng.random() < 1 / 4:
                self.link_down()
            else:
                self.settle()
        self.note()

    def round(self, *, calm):
        """Packets for a while, and faults meanwhile."""
        packets = int(self.pps * ROUND_S)
        words = {"pps": self.pps, "packets": packets, "flows": kills.FLOWS, "seconds": 3 * ROUND_S}
        command = taker.sending(self.place, **words)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            while sender.poll() is None:
                self.wait(self.rng.uniform(*APART_S), sender)
                if not calm and sender.poll() is None:
                    self.fault()
            self.sent += taker.told(sender)

    def wait(self, seconds, sender=None):
        """Let time go by, and look at memory now and then."""
        until_s = time.monotonic() + seconds
        while (now_s := time.monotonic()) < until_s and not (sender and sender.poll() is not None):
            assert self.live.process.poll() is None, self.live.said()[-4000:]
            if now_s >= self._look_s:
                self._look_s = now_s + LOOK_S
                self.gauge.look()
            time.sleep(0.1)

    def fault(self):
        """One of them."""
        what = self.rng.choices([self.kill, self.stop, self.fill], [3, 2, 1])[0]
        self.faults[what.__doc__] += bool(what())

    def kill(self):
        """kill -9"""
        return self.victims.strike(early=self.rng.random() < EARLY)

    def stop(self):
        """SIGSTOP for some seconds"""
        kind = self.rng.choice(KINDS)
        hit = self.victims.strike(19, (kind,))
        if hit:
            self.wait(self.rng.uniform(*STOPPED_S[kind]))
            self.victims.go_on(hit[1])
        return hit

    def fill(self):
        """disk full for some seconds"""
        with full(self.disk):
            self.wait(self.rng.uniform(*FULL_S))
        return True

    def link_down(self):
        """Right behind the last packet: what the ring has must still be counted."""
        self.note()
        table = self.live.counters()["epoch"]
        self.place.inside("ip", "link", "set", "vb", "down")
        self.wait(self.rng.uniform(*DOWN_S))
        self.place.inside("ip", "link", "set", "vb", "up")
        self.place.inside("ip", "link", "set", "vb", "arp", "off")
        until(lambda: self.live.counters().get("epoch", table) != table, self.live.said, 60)
        self.live.capturing()
        self.faults["link down for a moment"] += 1

    def settle(self):
        """Until the worker has worked off what was sent."""
        self.wait(1.0)
        before = -1
        while (now := self.live.counters()["packets_received"]) != before:
            before = now
            self.wait(1.0)

    def note(self):
        """A table's counters end with it."""
        now = self.live.counters()
        for name in ("kernel_dropped", "packets_uncertain", "records_dropped"):
            self.totals[name] += now[name]
        self.totals["told"] += sum(n for name, n in now.items() if name.startswith("dropped_"))


def measure(minutes, pps, seed):
    """The section of what was found."""
    with taker.road() as place, taker.folder() as home, small_disk(home / "state", DISK_MIB) as disk:
        with flowherd(place, home, "--core", str(taker.TAKER), sink="store") as live:
            live.capturing()
            soak = Soak(place, disk, live, random.Random(seed), pps)
            soak.run(minutes * 60)
            live.stop()
        stored, records = kills.in_store(disk / "store")
        return section(soak, stored, records, minutes)


def section(soak, stored, records, minutes):
    totals, hit = soak.totals, soak.victims.hit
    missing = soak.sent - stored - totals["told"]
    faults = ", ".join(f"{what}: {count}" for what, count in sorted(soak.faults.items()))
    ends = ", ".join(f"{kind} {count}" for kind, count in sorted(hit.items()))
    rows = [
        ("packets sent", f"{soak.sent:,}, {soak.sent / minutes / 60:,.0f} a second on average"),
        ("in the store", f"{stored:,} in {records:,} records"),
        ("in no flow, counted", f"{totals['told']:,}"),
        ("missing", f"{missing:,}, of {totals['packets_uncertain']:,} uncertain"),
        ("dropped by the kernel", f"{totals['kernel_dropped']:,}"),
        ("records dropped", f"{totals['records_dropped']:,}"),
        ("faults", faults),
        ("killed or stopped", ends),
    ]
    answer = (
        f"{minutes:g} minutes at {soak.pps:,} packets/s over veth, one worker, records into the store on a disk of "
        f"{DISK_MIB} MiB. Faults come at random, {APART_S[0]:g} to {APART_S[1]:g} s apart; the last third has none."
    )
    tables = [Table(("", ""), rows), growth(soak, minutes * 60 * CALM)]
    commands = [f"make soak ARGS='--minutes {minutes:g} --pps {soak.pps}'"]
    return Section("What do faults at random lose, and what grows?", answer, tables, "", [], commands)


def growth(soak, calm_s):
    """Each kind's memory and descriptors."""
    rows = []
    for kind, series in sorted(soak.gauge.series.items()):
        calm, most = series.since(calm_s), max(series.descriptors)
        rows.append(
            (
                kind,
                f"{series.mib[0]:.0f}",
                f"{max(series.mib):.0f}",
                f"{series.mib[-1]:.0f}",
                f"{series.mib_an_hour:+.1f}",
                f"{calm.mib_an_hour:+.1f}",
                f"{series.descriptors[0]}, {most}, {series.descriptors[-1]}",
            )
        )
    heads = (
        "process",
        "first",
        "most",
        "last",
        "MiB/h",
        "MiB/h, last third",
        "descriptors: first, most, last",
    )
    return Table(heads, rows, f"PSS in MiB, looked at every {LOOK_S:g} s; slopes by least squares.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--pps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--write", type=Path, help="a page for what is found")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    text = measure(args.minutes, args.pps, args.seed).text()
    print(text)
    if args.write:
        args.write.write_text(f"# Soak\n\n{text}\n")


if __name__ == "__main__":
    main()
