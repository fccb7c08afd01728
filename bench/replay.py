"""Capture files to flow records on one core, flowherd beside its peers: what further copies of the file cost."""

import os
import statistics
import subprocess
import sys
from math import inf
from operator import truediv

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
VARIES = 0.03  # a start's CPU, from run to run
NOT_DRAWN = {"tshark", "flowherd --sample 256"}  # they do something else


def measure(work, rounds=3, scale=1.0, only=tuple(CAPTURES)):
    """A table for each capture."""
    programs, tables, rates, commands = peers.had(peers.OFFLINE), [], {}, {}
    for name in only:
        if name == "applications" and not mix.present():
            print("applications: no captures beside the checkout, left out", file=sys.stderr)
            continue
        capture = CAPTURES[name]
        path = work / f"{name}.pcap"
        packets, flows, about = capture.make(path, max(int(capture.size * scale), 2))
        job = peers.Job(work, max(flows, peers.FLOWS), path)
        found = compared(programs, job, packets, capture.more, rounds)
        rates[capture.title] = {
            one: 1 / row[0] for one, row in found.items() if row[0] and one not in NOT_DRAWN
        }
        tables.append(table(f"**{capture.title}.** {packets:,} packets: {about}.", found))
        commands |= {
            one: peers.shown(one, programs[one](peers.Job(work, path="FILE")), work) for one in found
        }
        for left in work.glob(f"{name}*.pcap"):
            left.unlink()
    tables.append(about_them(commands))
    picture = plot.bars("replay.png", rates, "Mpps a core")
    return Section("Replay: how fast on one core?", HOW, tables, picture, REMARKS, list(commands.values()))


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
    core, files = max(os.sched_getaffinity(0)), given(programs, job.path, packets, more)
    peaks, spent = {}, {name: [] for name in programs}
    tree.cpu_s(programs["flowherd"](at(job, files["flowherd"][1])), core)  # it may have kernels to compile
    for turn in range(rounds + 1):
        for name in list(spent):
            stays = name in peers.STAYS
            once, often = (programs[name](at(job, path)) for path in files[name][1:])
            try:
                if turn:
                    spent[name].append([tree.cpu_s(words, core, stays=stays) for words in (once, often)])
                else:
                    peaks[name] = tree.watched(once, core, stays=stays)
            except subprocess.SubprocessError as error:
                if name == "flowherd":
                    raise
                print(f"{name}: left out of {job.path.name}: {error}", file=sys.stderr)
                del spent[name]
    costs = {name: told(each, more * files[name][0]) for name, each in spent.items()}
    ours = costs["flowherd"]
    return {
        name: (
            statistics.median(each) if each else None,
            statistics.median(map(truediv, each, ours)) if each and ours else None,
            peaks[name],
            files[name][0],
        )
        for name, each in costs.items()
    }


def given(programs, path, packets, more):
    """Program → packets it is given, the file with them, the file with the copies too."""
    files = {}
    for part in {peers.PEERS[name].part for name in programs}:
        count = min(packets, max(int(packets * part), LEAST))
        once = path if count == packets else traffic.head(path, count)
        files[part] = count, once, traffic.repeated(once, more)
        for each in files[part][1:]:
            traffic.touch(each)
    return {name: files[peers.PEERS[name].part] for name in programs}


def told(spent, packets):
    """µs a packet of each round; none when it is not clear of what a start varies by."""
    starts, further = [once for once, _ in spent], [often - once for once, often in spent]
    if min(further) <= 0 or statistics.median(further) < VARIES * statistics.median(starts):
        return []
    return [seconds / packets * 1e6 for seconds in further]


def at(job, path):
    return peers.Job(job.folder, job.flows, path)


def table(above, found):
    """The fastest first; a dash where too little was measured."""
    rows = [
        (
            name, shown(cost and 1 / cost, 2), shown(cost, 3), shown(times, 2),
            f"{most.pss_mib:.0f}", f"{most.rss_mib:.0f}", f"{count:,}",
        )
        for name, (cost, times, most, count) in sorted(found.items(), key=lambda row: row[1][0] or inf)
    ]  # fmt: skip
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


def shown(figure, digits):
    return f"{figure:.{digits}f}" if figure else "-"


def about_them(names):
    rows = [(name, peers.version(name), peers.PEERS[name].about) for name in names if "--" not in name]
    return Table(("program", "version", "what its flows hold"), rows, "What each one does for it.")
