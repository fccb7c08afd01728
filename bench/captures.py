"""The captures that replay is measured with: each is made, measured, and removed before the next."""

from collections.abc import Callable
from typing import NamedTuple

from bench import frames, mix, names, peers, traffic


class Capture(NamedTuple):
    """How it is called, how it is made ((path, size) → packets, flows, what it is), its size, copies added to it."""

    title: str
    make: Callable
    size: int
    more: int


def synthetic(path, packets):
    flows = packets // 25
    made_by = traffic.large(path, packets, flows)
    return packets, flows, f"{flows:,} flows by Zipf's law, TCP and UDP, 60 to 1514 B as 7:4:1 ({made_by})"


def applications(path, copies):
    packets = mix.write(path, copies)
    return (
        packets,
        peers.FLOWS,
        f"real captures of many protocols laid over each other {copies} times (mix.py)",
    )


def flood(path, packets):
    frames.flood(path, packets)
    return (
        packets,
        packets,
        "SYNs of 64 B (60 without checksum) to one port, every one of another address and port",
    )


def scan(path, targets):
    return frames.scan(path, targets), targets, f"{targets:,} ports asked by one host, a tenth refused"


def ipv6(path, packets):
    flows = packets // 25
    if traffic.SYNTH.is_file():
        traffic.large(path, packets, flows, "--ipv6", "1")
        return packets, flows, f"{flows:,} flows over IPv6, otherwise as the synthetic one (synth.py)"
    frames.even(path, packets, flows, six=True)
    return packets, flows, f"{flows:,} flows over IPv6, all alike, frames of 200 B (bench/frames.py)"


def dns(path, pairs):
    names.write(path, pairs)
    return (
        2 * pairs,
        peers.FLOWS,
        f"questions and answers, A, AAAA and CNAME, {names.NAMES:,} names; each pair a flow",
    )


# So many copies that those of fast programs are about five million packets: start-up varies by more than few take.
CAPTURES = {
    "synthetic": Capture("Synthetic", synthetic, 5_000_000, 1),
    "applications": Capture("Application mix", applications, 30, 4),
    "flood": Capture("64-byte flood", flood, 1_000_000, 3),
    "scan": Capture("Scan", scan, 1_000_000, 3),
    "ipv6": Capture("IPv6", ipv6, 1_000_000, 4),
    "dns": Capture("DNS", dns, 500_000, 2),
}
