"""CPU against the sampling ratio at the highest rate the host generates: the kernel refuses what is not kept."""

from statistics import median

from bench import plot, taker
from bench.result import Section, Table

RATIOS = (1, 4, 16, 64, 256, 1024, 4096)
HOW = (
    "One of so many flows is kept, and a filter in the kernel refuses the packets of all others before "
    "they reach the ring. 65,536 flows of 200-byte frames at the sender's top speed, which rises as the "
    "kernel has less to copy. *Share of the core*: CPU time of the whole flowherd, the exporter and the "
    "supervisor included, by the clock. *The kernel's part*: what a frame costs the core it arrives on "
    "more than with nobody listening (filter, copy into the ring), from the sender's CPU; on a real NIC "
    "that is the core which serves its interrupts, here the sender's."
)


def measure(_work, ratios=RATIOS, seconds=3.0, rounds=3):
    """Each ratio in turn."""
    with taker.road() as place:
        found = taken(place, ratios, seconds, "200", rounds)
    heads = (
        "sampling",
        "Mpps sent",
        "dropped",
        "share of the core",
        "µs CPU a packet sent",
        "the kernel's part, µs",
    )
    rows = [
        (
            f"1:{ratio}",
            f"{one.mpps:.2f}",
            f"{one.loss:.2%}",
            f"{one.share:.1%}",
            f"{one.us:.4f}",
            f"{one.kernel_us:.3f}",
        )
        for ratio, one in found.items()
    ]
    picture = plot.lines("sampling.png", charts(found), 3.0)
    return Section(
        "Sampling: what does a packet cost that is not kept?", HOW, [Table(heads, rows)], picture, disturbance(found),
        commands=["flowherd --interface vb --sink null --sample N", "python bench/sender.py vb --seconds 3"],
    )  # fmt: skip


def disturbance(found):
    return taker.disturbance([step for one in found.values() for step in one.steps])


class Ratio:
    """What one sampling ratio costs: medians of its steps."""

    def __init__(self, steps, alone_us):
        self.steps = steps
        self.mpps, self.loss = median(s.mpps for s in steps), median(s.loss for s in steps)
        self.gbps = median(s.gbps for s in steps)
        self.share = median(s.cpu_s / s.seconds for s in steps)
        self.us = median(s.us for s in steps)
        self.kernel_us = max(median(s.sender_s / s.packets * 1e6 - alone_us for s in steps), 0.0)


def taken(place, ratios, seconds, sizes, rounds):
    """Ratio → its cost; a flowherd for each, and the sender with nobody listening before and after it."""
    steps, alone = {ratio: [] for ratio in ratios}, []
    for ratio in ratios:
        alone += [unheard(place, seconds / 2, sizes)]
        with taker.ours(place, ("--sample", str(ratio)) if ratio > 1 else ()) as one:
            one.step(200_000, 1.0, sizes)
            steps[ratio] += [one.step(0, seconds, sizes) for _ in range(rounds)]
    alone_us = median(alone)
    return {ratio: Ratio(each, alone_us) for ratio, each in steps.items()}


def unheard(place, seconds, sizes):
    """The sender's µs a frame when nobody listens."""
    sent = taker.send(place, 0, seconds, sizes)
    return sent["cpu_s"] / sent["packets"] * 1e6


def charts(found):
    ticks = {ratio: f"1:{ratio}" for ratio in found}
    log = {"log": True, "ticks": ticks}
    share = {"flowherd": [(ratio, one.share * 100) for ratio, one in found.items()]}
    cost = {
        "flowherd": [(ratio, one.us) for ratio, one in found.items()],
        "the kernel's part": [(ratio, one.kernel_us) for ratio, one in found.items()],
    }
    return [
        ("Share of a core at top speed", "sampling", "%", share, log),
        ("CPU a packet sent", "sampling", "µs", cost, log),
    ]
