"""The capacity table of the README: sampling ratio against traffic volume, from the measured CPU a packet.

.venv/bin/python bench/run.py --only capacity
"""

from bench import taker
from bench.result import Section, Table, machine, wrapped
from bench.sampling import disturbance, taken
from bench.sender import IMIX

# The manual's table (kprobe, Kentik's knowledge base): what one interface and one core carry, in plus out.
MANUAL = {
    1: "100 Mb/s",
    40: "500 Mb/s",
    80: "1 Gb/s",
    256: "3 Gb/s",
    1024: "10 Gb/s",
    4092: "more than 10 Gb/s",
}
LOAD = 0.7  # of a core: the rest is headroom, for bursts and for what else wants the core
OCTETS = sum(size * weight for size, weight in IMIX) / sum(weight for _, weight in IMIX)
MPPS_AT_10_GBPS = 10e9 / 8 / OCTETS / 1e6


def measure(_work, ratios=tuple(MANUAL), seconds=3.0, rounds=3):
    """A row for each of the manual's ratios."""
    with taker.road() as place:
        found = taken(place, ratios, seconds, "imix", rounds)
    rows = [row(ratio, one) for ratio, one in found.items()]
    heads = (
        "sampling ratio", "kprobe's manual", "flowherd, interrupts on another core",
        "flowherd and interrupts on one core", "µs CPU a packet", "the kernel's part, µs", "sent here without loss",
    )  # fmt: skip
    plain = Table(heads[:4], [one[:4] for one in rows])
    remarks = [verdict(found[1]), *disturbance(found)]
    return Section(
        "Capacity: how much traffic does a core carry?", HOW, [Table(heads, rows)], "",
        remarks,
        ["flowherd --interface vb --sink null --sample N", "python bench/sender.py vb --sizes imix --seconds 3"],
        readme="\n\n".join([wrapped(README), str(plain), *map(wrapped, [*remarks, MEASURED])]),
    )  # fmt: skip


HOW = (
    "In the form of the vendor's manual. Traffic is IMIX: frames of 60, 590 and 1514 bytes as 7:4:1, "
    f"{OCTETS:.0f} on average, so that 10 Gb/s are {MPPS_AT_10_GBPS:.2f} Mpps. Capacity is {LOAD:.0%} of a "
    "core divided by the CPU a packet takes at that ratio at the highest rate the host generates; "
    f"{1 - LOAD:.0%} are left as headroom. The kernel's part is its filter and the copy into the ring, "
    "done where the interrupt is served: on another core, where the dearer of the two parts sets the "
    "limit, or on flowherd's own, where they add up. Neither has the NIC's driver and the stack below the "
    "socket, which a host pays for with or without flowherd. All decoders are on. What is above the last "
    "column is arithmetic, not traffic that was sent."
)
README = (
    "Traffic that one core carries for one interface, in plus out, at 1 of so many flows. The second "
    "column is kprobe's manual, a very rough guide in its own words. The others are computed from the CPU "
    f"a packet takes (IMIX, {OCTETS:.0f} bytes on average, all decoders on), with {1 - LOAD:.0%} of the "
    "core left as headroom; the kernel's part, filter and copy, is on another core or on the same. [How "
    "it is measured](docs/benchmarks.md)."
)
MEASURED = f"Measured on one {machine()}, by `bench/capacity.py`."


def row(ratio, one):
    best = f"{one.gbps:.1f} Gb/s" if not one.loss else f"{one.loss:.1%} lost at {one.gbps:.1f} Gb/s"
    alone, together = capacity(max(one.us, one.kernel_us)), capacity(one.us + one.kernel_us)
    return f"1:{ratio}", MANUAL.get(ratio, ""), alone, together, f"{one.us:.4f}", f"{one.kernel_us:.3f}", best


def capacity(us):
    """Gb/s at so many µs a packet, to two digits."""
    gbps = LOAD / us * OCTETS * 8 / 1000
    return f"{float(f'{gbps:.2g}'):g} Gb/s"


def verdict(one):
    """What it means for 10 Gb/s unsampled, said plainly."""
    alone, both = (MPPS_AT_10_GBPS * us for us in (one.us, one.us + one.kernel_us))
    says = "fits" if alone <= LOAD else "fits without that headroom" if alone <= 1 else "does not fit"
    return (
        f"10 Gb/s of IMIX unsampled, {MPPS_AT_10_GBPS:.2f} Mpps, would take {alone:.0%} of this core for "
        f"flowherd ({both:.0%} with the kernel's part): it {says} one core of this machine"
        + (
            "."
            if alone <= 1
            else f"; it takes {-(-alone // LOAD):.0f} workers in a fanout group (`--fanout-group`), or sampling."
        )
    )
