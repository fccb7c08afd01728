"""Capture files to flow records on one core, flowherd beside its peers: what further copies of the file cost."""

import os
import statistics
import subprocess
import sys

from bench import mix, peers, plot, traffic, tree
from bench.captures import CAPTURES
from bench.result import Section, Table

HOW = (
    "One core. Cost is that of further copies of the capture: CPU seconds with them in the file less CPU seconds "
    "without, over their packets, so start-up is apart. A copy is later than the one before by more than a minute, so "
    "its flows are new. Memory is the largest moment of all processes of a program together, looked at "
    "twenty times a second in a run apart, once through the capture: PSS counts pages that processes share "
    "once, RSS for each of them; pages of the capture itself count where a program maps it. Slower programs "
    "get the first part of the capture, as the last column says. *Times flowherd's*: a program's cost in "
    "that of flowherd with everything on; the median of the rounds."
)
LEAST = 20_000
NOT_DRAWN = {"tshark", "flowherd --sample 256"}  # they do something else


def measure(work, rounds=3, scale=1.0, only=tuple(CAPTURES)):
    """A table for each capture."""
    programs, tables, rates, shown = peers.had(peers.OFFLINE), [], {}, {}
    for name in only:
        if name == "applications" and not mix.present():
            print("applications: no captures beside the checkout, left out", file=sys.stderr)
            continue
        capture = CAPTURES[name]
        path = work / f"{name}.pcap"
        packets, flows, about = capture.make(path, max(int(capture.size * scale), 2))
        job = peers.Job(work, max(flows, peers.FLOWS), path)
        found = compared(programs, job, packets, capture.more, rounds)
        rates[capture.title] = {one: 1 / row[0] for one, row in found.items() if one not in NOT_DRAWN}
        tables.append(table(f"**{capture.title}.** {packets:,} packets: {about}.", found))
        shown |= {one: peers.shown(one, programs[one](peers.Job(work, path="FILE")), work) for one in found}
        for left in work.glob(f"{name}*.pcap"):
            left.unlink()
    tables.append(about_them(shown))
    picture = plot.bars("replay.png", rates, "Mpps a core")
    return Section("Replay: how fast on one core?", HOW, tables, picture, REMARKS, list(shown.values()))


REMARKS = [
    (
        "Idle and active timeout are 60 s wherever they can be set; flowherd has its defaults: a record of a "
        "living flow every 15 s, idle after 15 s, forgotten after 60 s. Flow tables hold every flow of the "
        "capture; for the flood and the scan, flowherd gets `--max-flows` and `--table-mib` to match."
    ),
    (
        "Exports go to a UDP port of this host that nobody reads, or are counted and discarded; nfpcapd "
        "writes its files, there being nothing less it can do. No program looks up names. pmacctd is interrupted once "
        "idle, as it would end before its plugin has seen all packets."
    ),
    (
        "tshark dissects far more than any of the others and keeps no flows: for scale only. tcpdump keeps "
        "nothing."
    ),
]


def compared(programs, job, packets, more, rounds):
    """Program → (µs CPU a packet, times flowherd's, its peak, packets it was given); programs in turn."""
    core, files = max(os.sched_getaffinity(0)), {}
    for name in programs:
        count = min(packets, max(int(packets * peers.PEERS[name].part), LEAST))
        if count not in files:
            once = job.path if count == packets else traffic.head(job.path, count)
            files[count] = once, traffic.repeated(once, more)
            for path in files[count]:
                traffic.touch(path)
        files[name] = count
    peaks, costs = {}, {name: [] for name in programs}
    for turn in range(rounds + 1):
        for name in list(costs):
            stays = name in peers.STAYS
            once, often = (programs[name](at(job, path)) for path in files[files[name]])
            try:
                if turn:
                    took = tree.cpu_s(often, core, stays=stays) - tree.cpu_s(once, core, stays=stays)
                    costs[name].append(max(took, 1e-3) / (more * files[name]) * 1e6)
                else:
                    peaks[name] = tree.watched(once, core, stays=stays)
            except subprocess.SubprocessError as error:
                if name == "flowherd":
                    raise
                print(f"{name}: left out of {job.path.name}: {error}", file=sys.stderr)
                del costs[name]
    ours = costs["flowherd"]
    return {
        name: (
            statistics.median(each),
            statistics.median(theirs / own for theirs, own in zip(each, ours, strict=True)),
            peaks[name],
            files[name],
        )
        for name, each in costs.items()
    }


def at(job, path):
    return peers.Job(job.folder, job.flows, path)


def table(above, found):
    """The fastest first."""
    rows = [
        (
            name,
            f"{1 / cost:.2f}",
            f"{cost:.3f}",
            f"{times:.2f}",
            f"{most.pss_mib:.0f}",
            f"{most.rss_mib:.0f}",
            f"{given:,}",
        )
        for name, (cost, times, most, given) in sorted(found.items(), key=lambda row: row[1][0])
    ]
    heads = (
        "program",
        "Mpps a core",
        "µs CPU a packet",
        "times flowherd's",
        "peak MiB, PSS",
        "RSS",
        "packets",
    )
    return Table(heads, rows, above)


def about_them(names):
    rows = [(name, peers.version(name), peers.PEERS[name].about) for name in names if "--" not in name]
    return Table(("program", "version", "what its flows hold"), rows, "What each one does for it.")
