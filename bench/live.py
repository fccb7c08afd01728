"""Live capture: loss and CPU a packet against the offered rate, flowherd beside its peers."""

import sys
from functools import partial

from bench import peers, plot, taker
from bench.result import Section, Table

RATES = (100_000, 250_000, 500_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000, 0)
IMIX_RATES = (500_000, 1_000_000, 2_000_000, 0)
HOW = (
    "Frames of 200 bytes (65,536 TCP flows, in order) are offered in steps to one end of a veth pair in a "
    "namespace of its own. The sender (`bench/sender.py`) has the kernel run an XDP program that makes "
    "each frame and hands it to the interface as a driver would: several times as many as tcpreplay. It "
    "has one core, the program that captures the other. Loss is what was sent less what the kernel says it gave the "
    "program's own capture socket (PACKET_STATISTICS; of flowherd its own counters, which come from there). "
    "CPU is user and system time of all processes of the program, until it has worked off its backlog, over the "
    "packets that were not lost. The copy into the ring is made on the sender's core here, on a real NIC on the one "
    "that serves its interrupts, and is in none of these figures; the next section has it. *Top* is as fast as the "
    "sender can with that program listening."
)


def measure(work, rates=RATES, imix=IMIX_RATES, seconds=3.0):
    """Loss and CPU at each rate; the same as lines; IMIX for flowherd."""
    found = {}
    with taker.road() as place:
        for name, start in programs().items():
            try:
                with start(place) as one:
                    one.step(100_000, 1.0)
                    found[name] = [one.step(pps, seconds) for pps in rates]
            except (AssertionError, OSError) as error:
                print(f"{name}: left out: {error}", file=sys.stderr)
        with taker.ours(place) as one:
            one.step(100_000, 1.0, "imix")
            mixed = [one.step(pps, seconds, "imix") for pps in imix]
    every = [step for steps in found.values() for step in steps]
    remarks = [*taker.disturbance(every), *REMARKS]
    heads = ("program", *(f"{rate / 1e6:g} Mpps" if rate else "top" for rate in rates))
    tables = [
        Table(
            heads,
            rows(found, rates, lost),
            "Packets lost, and the rate really offered in Mpps where it was less.",
        ),
        Table(heads, rows(found, rates, lambda step, _pps: f"{step.us:.3f}"), "µs CPU a packet."),
        Table(
            ("Mpps", "Gb/s", "lost", "µs CPU a packet"),
            [(f"{s.mpps:.2f}", f"{s.gbps:.2f}", percent(s.loss), f"{s.us:.3f}") for s in mixed],
            "flowherd, ring, IMIX (60, 590 and 1514 bytes as 7:4:1); the last line is top speed.",
        ),
    ]
    return Section(
        "Live: how much is lost, and what does a packet cost?",
        HOW,
        tables,
        picture(found),
        remarks,
        commands(work),
    )


REMARKS = [
    (
        "Buffers: flowherd's ring is its default of 64 MiB; softflowd, nfpcapd and tcpdump are given 64 MiB; "
        "argus and pmacctd have no option for it and keep libpcap's 2 MiB."
    ),
    (
        "argus and nfpcapd read their socket's counts themselves, which resets them: strace listens to that "
        "one system call."
    ),
    "pmacctd hands packets to its plugin over a pipe that may lose more: that is not in its loss here.",
]


def programs():
    """How each is started."""
    found = {"flowherd ring": taker.ours, "flowherd pcap": partial(taker.ours, words=("--capture", "pcap"))}
    return found | {name: partial(taker.theirs, name=name) for name in peers.had(peers.LIVE)}


def rows(found, rates, cell):
    return [
        (name, *(cell(step, pps) for step, pps in zip(steps, rates, strict=True)))
        for name, steps in found.items()
    ]


def percent(share):
    return "0" if not share else f"{share * 100:.2f} %" if share >= 1e-4 else "< 0.01 %"


def lost(step, pps):
    """The loss; and the rate, where it is not that of the column."""
    short = not pps or step.packets / step.seconds < 0.95 * pps
    return percent(step.loss) + (f" at {step.mpps:.2f}" if short else "")


def picture(found):
    """Loss, and CPU, against the rate."""
    losses = {name: sorted((s.mpps, s.loss * 100) for s in steps) for name, steps in found.items()}
    costs = {name: sorted((s.mpps, s.us) for s in steps) for name, steps in found.items()}
    charts = [
        ("Packets lost", "Mpps offered, 200-byte frames", "% lost", losses, {}),
        ("CPU a packet", "Mpps offered, 200-byte frames", "µs", costs, {}),
    ]
    return plot.lines("live.png", charts, 3.4)


def commands(work):
    job = peers.Job(work, interface="vb")
    ours = f"flowherd --interface vb --sink null --core {taker.TAKER}"
    shown = [peers.shown(name, command(job), work) for name, command in peers.LIVE.items()]
    return [ours, f"{ours} --capture pcap", *shown, "python bench/sender.py vb --pps 1000000 --seconds 3"]
