"""Sampling live: the kernel refuses what it can by the worker's own hash, and no flow is kept by half."""

import os
import random
import signal
import struct

import pytest

from tests import frames
from tests.captures import pcap
from tests.system.host import flowherd, needs_tcpreplay, replayed, until, wire
from tests.worker.test_sample import exchanges, flow_of
from tests.worker.trial import START_NS

FLOWS = 3000
SAMPLE = 10
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    needs_tcpreplay,
]


@pytest.fixture
def place():
    with wire() as made:
        yield made


def plain_exchanges(count):
    """A packet there and one back of each TCP or UDP flow, untagged: what the kernel decides alone."""
    rng = random.Random(3)
    for number in range(count):
        one, other = struct.pack(">I", 0x0A000001), struct.pack(">I", 0x0A010000 + number % 500)
        proto, payload = rng.choice([(6, 20), (17, 8)])
        ports = struct.pack(">HH", 30000 + number, 443), struct.pack(">HH", 443, 30000 + number)
        for src, dst, both in ((one, other, ports[0]), (other, one, ports[1])):
            rest = both + (bytes(8) + b"\x50\x10" + bytes(6) if proto == 6 else struct.pack(">HH", 8, 0))
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + payload, 0, 0x4000, 64, proto, 0) + src + dst
            yield frames.ether(rng, 0x0800, head + rest) + bytes(6)


def played(folder, found):
    path = folder / "played.pcap"
    path.write_bytes(pcap([(START_NS + i * 1_000_000, data) for i, data in enumerate(found)]))
    return path


def marker(number=0):
    """Frames that are not IP are always taken: after them, everything before has come."""
    return frames.ether(random.Random(number), 0x88B5, bytes(60))


@pytest.mark.parametrize("capture", ["ring", "pcap"])
def test_plain_tcp_and_udp(place, folder, capture):
    found = [*plain_exchanges(FLOWS), marker()]
    with flowherd(place, folder, "--sample", SAMPLE, "--capture", capture) as live:
        live.capturing()
        place.replay(played(folder, found), "--pps=20000")
        counters = live.told("dropped_not_ip", 1)
        records = live.stop()
    assert counters["kernel_dropped"] == 0
    assert {r["sample_rate"] for r in records} == {SAMPLE}
    assert all(r["packets"] == r["rev_packets"] == 1 for r in records), "no half flows"
    assert abs(len(records) - FLOWS / SAMPLE) < 5 * (FLOWS / SAMPLE) ** 0.5
    if capture == "ring":
        assert counters["dropped_not_sampled"] == 0, "the kernel refused them all"
        assert counters["packets_received"] == 2 * len(records) + 1
    else:
        assert counters["packets_received"] == len(found)
        assert counters["dropped_not_sampled"] == len(found) - 1 - 2 * len(records)


def test_of_everything_no_flow_is_kept_by_half(place, folder):
    """Tags and ICMP too, which the worker decides; a filter goes first; a successor keeps the same flows."""
    path = played(folder, [*exchanges(600), marker()])
    with flowherd(place, folder, "--sample=3", "--filter", "not port 1234") as live:
        pid = live.capturing()
        place.replay(path, "--pps=20000")
        live.told("dropped_not_ip", 1)
        os.kill(pid, signal.SIGKILL)
        until(lambda: live.counters()["pid"] != pid, "a successor")
        place.replay(path, "--pps=20000")
        counters = live.told("dropped_not_ip", 2)
        records = live.stop()
    assert counters["dropped_not_sampled"] > 200
    assert all(r["packets"] == r["rev_packets"] for r in records)
    assert sum(r["packets"] for r in records) == 2 * len({flow_of(r) for r in records})
    assert abs(len({flow_of(r) for r in records}) - 200) < 5 * 200**0.5
    assert "not sampled" in live.said()


def test_replay_samples_too(folder):
    """And says so, at the end and in each record."""
    path = played(folder, plain_exchanges(FLOWS))
    records, done = replayed(folder, path, words=[f"--sample={SAMPLE}"])
    assert {r["sample_rate"] for r in records} == {SAMPLE}
    assert all(r["packets"] == r["rev_packets"] == 1 for r in records)
    assert abs(len(records) - FLOWS / SAMPLE) < 5 * (FLOWS / SAMPLE) ** 0.5
    assert f"({2 * (FLOWS - len(records)):,} not sampled)" in done.stderr


def test_translations_of_replay_and_their_mistakes(folder):
    path = played(folder, plain_exchanges(20))
    words = ["--translate", "10.0.0.1,30001,192.0.2.1,7", "--translate=10.1.0.1,443,192.0.2.2,8"]
    records, _ = replayed(folder, path, words=words)
    ends = {(r["src_addr"], r["src_port"], r["dst_addr"], r["dst_port"]) for r in records}
    assert ("192.0.2.1", 7, "192.0.2.2", 8) in ends
    assert len(ends) == 20
    _, done = replayed(folder, path, words=["--translate", "10.0.0.1,30001,192.0.2.1"])
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "translate: '10.0.0.1,30001,192.0.2.1': dst port is missing" in done.stderr
