"""Cost of a packet against the number of flows in the table: what caches have to do with it."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

from bench import frames, peers, plot, tree
from bench.result import Section, Table
from bench.taker import TAKER
from shared import vitals

FLOWS = (10_000, 50_000, 100_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
TIMES = ("--active-timeout-s=3600", "--idle-timeout-s=3600", "--forget-s=3600")
HOW = (
    "TCP connections, segments in order: each has one from either end, then come {packets:,} packets of 60 bytes, each "
    "of any end of any of them, none likelier than another: the worst case for caches, for in real traffic few "
    "flows have most of the packets. Replayed with a table that holds them all and with timeouts that none reaches, "
    "all decoders and TCP metrics on. The cost is the worker's CPU in those packets, so neither start-up, nor filling, "
    "nor reporting is in it. *A new flow* is its CPU for the first packet of each."
)


def measure(work, flows=FLOWS, packets=4_000_000, rounds=3):
    """Each size in turn, round after round."""
    found, paths = {count: [] for count in flows}, {}
    for count in flows:
        paths[count] = work / f"even-{count}.pcap"
        frames.even(paths[count], frames.TURNS * count + packets, count, size=60, seconds=20.0)
    for _ in range(rounds):
        for count in flows:
            found[count].append(cost(work, paths[count], count, packets))
    for path in paths.values():
        path.unlink()
    ns = {count: median(one[0] for one in each) for count, each in found.items()}
    rows = [
        (
            f"{count:,}",
            f"{ns[count]:.0f}",
            f"{ns[count] / ns[flows[0]]:.2f}",
            f"{new:.0f}" if (new := median(one[1] for one in each)) else "",
        )
        for count, each in found.items()
    ]
    heads = ("flows", "ns CPU a packet", f"times that of {flows[0]:,}", "ns CPU a new flow")
    ticks = {count: short(count) for count in flows}
    lines = {"flowherd": [(count, ns[count]) for count in flows]}
    chart = (
        "Cost of a packet, flows chosen evenly",
        "flows in the table",
        "ns CPU",
        lines,
        {"log": True, "ticks": ticks},
    )
    return Section(
        "Flow table: what does a packet cost as flows grow?", HOW.format(packets=packets), [Table(heads, rows)],
        plot.lines("flows.png", [chart], 3.0),
        commands=[peers.shown("flowherd", command(work, "FILE", 5_000_000), work)],
    )  # fmt: skip


def short(count):
    return f"{count // 10**6} M" if count >= 10**6 else f"{count // 1000} k"


def command(work, path, flows):
    return peers.flowherd(*TIMES)(peers.Job(work, max(flows * 5 // 4, peers.FLOWS + 1), path))


def cost(work, path, flows, packets):
    """ns of CPU of a packet of a known flow, and of a new flow; 0 where there were too few to tell."""
    moments, known = watched(tree.on_core(command(work, path, flows), TAKER)), frames.TURNS * flows
    begun, settled = (next(one for one in moments if one[0] >= least) for least in (flows, known))
    first, last = moments[0], next(moment for moment in moments if moment[0] >= known + packets)
    return (
        (last[1] - settled[1]) / (last[0] - settled[0]) * 1e9,
        (begun[1] - first[1]) / (begun[0] - first[0]) * 1e9 if begun[0] > 10 * first[0] else 0.0,
    )


def watched(words):
    """(packets so far, the worker's CPU seconds) again and again while the replay runs."""
    moments = []
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        page = None
        while process.poll() is None:
            page = page or table_of(process.pid)
            if page and (now := moment(page)):
                moments.append(now)
            time.sleep(0.002 if moments else 0.02)
    return moments


def table_of(pid):
    """The replay's flow table, which the supervisor holds."""
    for fd in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            if str(fd.readlink()).startswith(("/flowherd-", "/memfd:flowherd-")):
                return fd.open("rb", buffering=0)
    return None


def moment(page):
    page.seek(0)
    now = vitals.read_page(page.read(vitals.PAGE_BYTES))
    if not now["pid"] or not now["packets_received"]:
        return None
    return now["packets_received"], tree.ran_s([now["pid"]])
