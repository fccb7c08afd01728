"""A whole flowherd in a namespace: memory of its workers, start, and recovery from kill -9."""

import json
import os
import signal
import statistics
import subprocess
import time

from bench import taker, tree
from bench.result import Section, Table
from tests.system.host import flowherd, until

APART_NS = 1_050_000_000  # deaths within a second are a crash loop, and wait
PAIRS = (("vb", "va"), ("vb1", "va1"), ("vb2", "va2"), ("vb3", "va3"))
FILL_PPS = 12_500  # packets of 60 bytes: little enough for the smallest ring


def memory(_work, flows=100_000, alone=500_000):
    """PSS of each of four workers with so many flows each; of one with many."""
    tables = []
    with taker.road() as place:
        four(place)
        for ends, count in ((PAIRS, flows), (PAIRS[:1], alone)):
            names = [ours for ours, _ in ends]
            rows = held(place, names, count)
            tables.append(
                Table(("worker", "at start", "full", "of it ring", "flows"), rows, above(names, count))
            )
    answer = (
        "PSS: a page that several processes share counts for each as its part. Workers are forked from one process "
        f"whose kernels are loaded. Flows come by one packet each, {FILL_PPS:,} a second."
    )
    return Section("Memory: what does a worker take?", answer, tables)


def above(names, count):
    workers = "One worker, " if len(names) == 1 else f"{len(names)} workers, each with "
    return f"{workers}{count:,} flows, all decoders on: MiB, PSS."


def held(place, names, flows):
    """A row for each worker and one for each other process."""
    with taker.folder() as home:
        words = [word for name in names for word in ("--interface", name)]
        with flowherd(place, home, *words, sink="null") as live:
            workers = {f"worker {name}": live.capturing(name) for name in names}
            before = {name: pss_mib(pid) for name, pid in workers.items()}
            fill(place, live, names, flows)
            others = [pid for pid in tree.family(live.process.pid) if pid not in workers.values()]
            rows = [
                (
                    name,
                    f"{before[name]:.0f}",
                    f"{pss_mib(pid):.0f}",
                    f"{sum(live.rings(name.split()[1]))}",
                    f"{live.counters(name.split()[1])['flows_active']:,}",
                )
                for name, pid in workers.items()
            ]
            return [*rows, ("supervisor, nursery, exporter", "", f"{sum(map(pss_mib, others)):.0f}", "", "")]


def fill(place, live, names, flows):
    """Each flow once, one worker after the other."""
    words = {
        "sizes": 60,
        "pps": FILL_PPS,
        "packets": flows,
        "flows": flows,
        "seconds": 5 * flows / FILL_PPS + 1,
    }
    for name in names:
        assert taker.sent(taker.sending(place, name, **words))["packets"] == flows
        live.told("packets_received", flows, name)


def pss_mib(pid):
    return tree.own(pid).pss_mib


def four(place):
    for ours, theirs in PAIRS[1:]:
        place.join(theirs, ours)


def start(_work, rounds=7):
    """From the command to the last of one and of four NICs capturing, kernels in the cache."""
    rows = []
    with taker.road() as place:
        four(place)
        for names in (["vb"], [ours for ours, _ in PAIRS]):
            times = sorted([started(place, names) for _ in range(rounds + 1)][1:])
            rows.append(
                (len(names), f"{statistics.median(times):.2f}", f"{times[0]:.2f}", f"{times[-1]:.2f}")
            )
    table = Table(
        ("NICs", "median s", "least", "most"), rows, f"{rounds} starts, after one that is not counted."
    )
    answer = "From the command to the moment the last of them waits for its first packet; kernels come from the cache."
    return Section(
        "Start: how long until it captures?",
        answer,
        [table],
        commands=["flowherd --interface 'vb*' --sink null"],
    )


def started(place, names):
    with taker.folder() as home:
        began_ns = time.monotonic_ns()
        words = [word for name in names for word in ("--interface", name)]
        with flowherd(place, home, *words, sink="null") as live:
            for name in names:
                live.capturing(name)
            return (max(live.counters(name)["capturing_since_ns"] for name in names) - began_ns) / 1e9


def kills(_work, count=50, pps=50_000):
    """kill -9 of the worker under traffic, to its successor capturing; packets that are missing at the end."""
    times = []
    with taker.road() as place, taker.folder() as home, flowherd(place, home, sink="null") as live:
        live.capturing()
        command = taker.sending(place, pps=pps, seconds=count * 1.4, flows=2000)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            while sender.poll() is None and len(times) < count:
                times.append(kill_one(live))
            packets = json.loads(sender.communicate()[0])["packets"]
        until(
            lambda: (now := live.counters())["packets_received"] + now["kernel_dropped"] >= packets,
            live.counters,
            10,
        )
        now = live.counters()
    times = sorted(took * 1e3 for took in times)
    rows = [
        ("median", f"{statistics.median(times):.0f} ms"), ("95 %", f"{times[int(len(times) * 0.95)]:.0f} ms"),
        ("most", f"{times[-1]:.0f} ms"), ("packets sent", f"{packets:,}"),
        ("that no counter has", f"{max(packets - now['packets_received'] - now['kernel_dropped'], 0):,}"),
        ("dropped by the kernel", f"{now['kernel_dropped']:,}"), ("uncertain", f"{now['packets_uncertain']:,}"),
    ]  # fmt: skip
    answer = (
        "kill -9 of the worker under traffic, a second apart (closer ones are a crash loop, and wait): "
        "from the signal to its successor at the same ring and flow table."
    )
    table = Table(("kill -9 to capturing again", ""), rows, f"{len(times)} kills at {pps:,} packets/s.")
    return Section("Recovery: what does a killed worker cost?", answer, [table])


def kill_one(live):
    """Seconds from the signal to the successor's first look at the ring."""
    page = live.counters()
    before, rested_ns = page["packets_received"], time.monotonic_ns() + APART_NS
    until(
        lambda: time.monotonic_ns() > rested_ns and live.counters()["packets_received"] > before + 5000,
        "packets",
    )
    began_ns = time.monotonic_ns()
    os.kill(page["pid"], signal.SIGKILL)
    since = until(lambda: (s := live.counters()["capturing_since_ns"]) > began_ns and s, "a successor")
    return (since - began_ns) / 1e9
