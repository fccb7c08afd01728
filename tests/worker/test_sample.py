"""Sampling: every kernel as the oracle says, both directions alike, no half flows, and totals that are unbiased."""

import os
import random
import socket
import struct
import time
from collections import Counter
from typing import NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from shared.reasons import Drop
from shared.sampling import sampling_of
from shared.vitals import INDEX
from tests import frames
from tests.examples import examples
from tests.naive_frames import Packet
from tests.naive_sample import is_sampled as oracle
from tests.worker import trial
from tests.worker.rig import Frames, metered
from worker.rows import PACKET
from worker.run import Worker
from worker.sample import is_sampled
from worker.spec import Spec

SEEDS = range(1, 301)
SEVERAL = 4.5  # sigmas: one run in 150,000 would fail, and these seeds always give the same


class Lot(NamedTuple):
    """What the kernel reads of a Table."""

    sample_below: int
    end_key: int
    pair_key: int


@numba.njit
def decide(lot, packets, kept):
    for i in range(len(packets)):
        kept[i] = is_sampled(lot, packets[i])


def key_of(seed):
    return random.Random(seed).getrandbits(64)


def decisions(packets, sample, key):
    kept = np.zeros(len(packets), np.bool_)
    decide(Lot(*sampling_of(sample, key)), packets, kept)
    return kept


def packets4(src, sport, dst, dport, proto=6):
    """Packets of IPv4 ends, each an array or a number."""
    columns = np.broadcast_arrays(src, sport, dst, dport, proto)
    rows = np.zeros(columns[0].shape, PACKET)
    rows["ip_version"] = 4
    for name, address in (("src_tail", columns[0]), ("dst_tail", columns[2])):
        rows[name] = address.astype(">u8").view(np.uint64)
    rows["src_port"], rows["dst_port"], rows["proto"] = columns[1], columns[3], columns[4]
    return rows


def packets6(src, sport, dst, dport, proto=17):
    """The same of the last 64 bits of IPv6 addresses."""
    rows = packets4(src, sport, dst, dport, proto)
    rows["ip_version"] = 6
    rows["src_head"] = rows["dst_head"] = np.frombuffer(bytes.fromhex("20010db800000001"), np.uint64)[0]
    return rows


COUNT = 20_000
NUMBERS = np.arange(COUNT)
PATTERNS = {
    "client ports": packets4(0x0A000001, 1024 + NUMBERS, 0x0A000002, 443),
    "server ports": packets4(0x0A000001, 40000, 0x0A000002, NUMBERS),
    "clients": packets4(0x0A000000 + NUMBERS, 40000, 0x0A800001, 443),
    "networks": packets4(0x0A000001 + 256 * NUMBERS, 40000, 0x0A800001, 443, 17),
    "hosts without ports": packets4(0x0A000000 + NUMBERS, 0, 0x0A800001, 0, 1),
    "both addresses": packets4(0x0A000000 + NUMBERS, 40000, 0xC0000000 + NUMBERS, 443),
    "opposite addresses": packets4(0x0A000000 + NUMBERS, 40000, 0xC0100000 - NUMBERS, 443),
    "both ports": packets4(0x0A000001, NUMBERS, 0x0A000002, NUMBERS),
    "a scan": packets4(0x0A000001, 1024 + NUMBERS, 0xC0000000 + NUMBERS, 22),
    "high bits": packets4((NUMBERS & 255) << 24, 40000, (NUMBERS >> 8) << 24, 443),
    "IPv6 clients": packets6(NUMBERS, 40000, 1 << 40, 443),
    "IPv6 networks": packets6(NUMBERS << 32, 40000, NUMBERS, 443),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_sequential_ends_are_as_likely_as_any(name):
    """Chi square over many keys: too large if some key favours the pattern, too small if it is too even."""
    sample, squares = 16, 0.0
    expected = COUNT / sample
    for seed in SEEDS:
        kept = decisions(PATTERNS[name], sample, key_of(seed)).sum()
        squares += (kept - expected) ** 2 / (expected * (1 - 1 / sample))
    assert abs(squares - len(SEEDS)) < SEVERAL * (2 * len(SEEDS)) ** 0.5


@pytest.mark.parametrize("sample", [2, 3, 10, 100, 1000])
def test_totals_times_n_are_unbiased(sample):
    """Flows of very different size, as traffic has them; the mean over the seeds against its own standard error."""
    rng = np.random.default_rng(1)
    octets = np.minimum(rng.pareto(1.1, COUNT) * 1000 + 40, 1e7).astype(np.int64)
    ends = rng.integers(0, 1 << 32, (2, COUNT)), rng.integers(0, 1 << 16, (2, COUNT))
    packets = packets4(ends[0][0], ends[1][0], ends[0][1], ends[1][1])
    for sizes in (octets, np.ones(COUNT, np.int64)):
        found = [sizes[decisions(packets, sample, key_of(seed))].sum() * sample for seed in SEEDS]
        sigma = float(np.sqrt((sizes.astype(float) ** 2).sum() * (sample - 1) / len(SEEDS)))
        assert abs(np.mean(found) - sizes.sum()) < SEVERAL * sigma


@examples(300)
@given(
    st.sampled_from([4, 16]).flatmap(lambda n: st.tuples(*[st.binary(min_size=n, max_size=n)] * 2)),
    st.integers(0, 255),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, (1 << 64) - 1),
    st.integers(2, 1_000_000),
)
def test_both_directions_are_decided_alike(addresses, proto, sport, dport, key, sample):
    """And as the oracle says; the rate near 2 in half of the cases, so that both answers come."""
    sample = sample if sample & 1 else 2
    ends = list(zip(addresses, (sport, dport), strict=True))
    packets = np.concatenate([row_of(proto, *ends), row_of(proto, *ends[::-1])])
    (src, sent), (dst, taken) = ends
    p = Packet(version=4 if len(src) == 4 else 6, src=src, dst=dst, proto=proto, sport=sent, dport=taken)
    expected = oracle(p, sample, key)
    assert decisions(packets, sample, key).tolist() == [expected, expected]


def row_of(proto, src, dst):
    rows = np.zeros(1, PACKET)
    rows["ip_version"], rows["proto"] = 4 if len(src[0]) == 4 else 6, proto
    for name, (address, port) in (("src", src), ("dst", dst)):
        rows[f"{name}_head"], rows[f"{name}_tail"] = struct.unpack("=2Q", address.rjust(16, b"\0"))
        rows[f"{name}_port"] = port
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_the_meter_keeps_what_the_oracle_keeps(seed):
    """Every kind of frame, whole and mutated, fragments joined: verdicts, counters and records."""
    kernels, meter = trial.both(trial.some(seed, 600, 0.3), sampling=(2 + seed % 3, key_of(seed)))
    trial.check(kernels, meter)
    assert meter.drops[Drop.NOT_SAMPLED] > 50 < meter.drops[Drop.ACCOUNTED]


def test_one_of_one_is_all():
    captured = trial.some(3, 300)
    assert metered(captured, sampling=(1, 7)).records == metered(captured).records
    assert metered(captured, sampling=(0, 7)).drops()[Drop.NOT_SAMPLED] == 0


def test_there_are_no_half_flows():
    """What is kept is kept whole: the records of the kept flows are those of a run without sampling."""
    captured = [(trial.START_NS + i * 1000, 1, data) for i, data in enumerate(exchanges(400))]
    everything = {flow_of(r): r for r in metered(captured).records}
    kept = metered(captured, sampling=(5, key_of(9))).records
    assert 50 < len(kept) < 110
    for record in kept:
        whole = everything[flow_of(record)]
        assert record == whole | {"connection_id": record["connection_id"]}
        assert record["packets"]
        assert record["rev_packets"]


def flow_of(record):
    return tuple(
        record.get(name) for name in ("src_addr", "dst_addr", "src_port", "dst_port", "proto", "vlan")
    )


def exchanges(count):
    """A packet there and one back of many flows: TCP, UDP and ICMP, both IP versions, tagged and not."""
    for number in range(count):
        ends = (("10.0.0.1", f"10.0.{number >> 8}.{number & 255}"), ("2001:db8::1", f"2001:db8::{number:x}"))
        one, other = ends[number % 2]
        layer = (IP, IPv6)[number % 2]
        there, back = layer(src=one, dst=other), layer(src=other, dst=one)
        above = (TCP, UDP)[number // 2 % 2]
        ask, reply = above(sport=40000, dport=443), above(sport=443, dport=40000)
        if number % 10 == 0:
            ask, reply = ICMP(type=8), ICMP(type=0)
        link = Ether(src=frames.MACS[0], dst=frames.MACS[1])
        if number % 3 == 0:
            link = link / Dot1Q(vlan=7)
        yield from (bytes(link / there / ask), bytes(link / back / reply))


@pytest.mark.parametrize("version", [4, 6])
def test_a_datagram_is_kept_or_refused_as_one(version):
    """Later fragments have no ports; they take their first one's, and with them its lot."""
    found = Counter()
    for number in range(60):
        udp = UDP(sport=40000 + number, dport=53) / Raw(bytes(600))
        if version == 4:
            pieces = fragment(IP(src="192.0.2.1", dst="192.0.2.2", id=number) / udp, 160)
        else:
            head = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=number)
            pieces = fragment6(head / udp, 280)
        captured = [(trial.START_NS + i, 101, bytes(piece)) for i, piece in enumerate(pieces)]
        drops = metered(captured, sampling=(3, key_of(4))).drops()
        assert (drops[Drop.NOT_SAMPLED], drops[Drop.ACCOUNTED]) in {(0, len(pieces)), (len(pieces), 0)}
        found[drops[Drop.ACCOUNTED] > 0] += 1
    assert len(pieces) > 2
    assert found[True] > 5 < found[False]


def test_a_fragment_without_its_first_is_decided_by_addresses_and_protocol():
    _first, *rest = fragment(IP(src="192.0.2.1", dst="192.0.2.2", id=7) / UDP() / Raw(bytes(600)), 160)
    captured = [(trial.START_NS + i, 101, bytes(piece)) for i, piece in enumerate(rest)]
    bare = Packet(version=4, src=bytes([192, 0, 2, 1]), dst=bytes([192, 0, 2, 2]), proto=17)
    for seed in range(20):
        expected = oracle(bare, 2, key_of(seed))
        drops = metered(captured, sampling=(2, key_of(seed))).drops()
        assert drops[Drop.ACCOUNTED if expected else Drop.NOT_SAMPLED] == len(rest)


def test_packets_that_are_not_kept_drive_no_timers():
    """A minute of other traffic behind a flow's packet: its record comes at the end, not before."""
    mine = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)
    p = Packet(version=4, src=bytes([10, 0, 0, 1]), dst=bytes([10, 0, 0, 2]), proto=17, sport=1, dport=2)
    key = next(key_of(seed) for seed in range(100) if oracle(p, 3, key_of(seed)))
    others = [IP(src="10.0.0.3", dst="10.0.0.4") / UDP(sport=port, dport=9) for port in range(2000)]
    out = [o for o in others if not oracle(described(o), 3, key)]
    captured = [(trial.START_NS, 101, bytes(mine))]
    captured += [(trial.START_NS + (i + 1) * 50_000_000, 101, bytes(o)) for i, o in enumerate(out)]
    kernels = metered(captured, sampling=(3, key))
    assert kernels["now_ns"] == trial.START_NS
    assert kernels.drops()[Drop.NOT_SAMPLED] == len(out) > 1200
    (record,) = kernels.records
    assert record["packets"] == 1


class Busy(Frames):
    """A link that never rests: one packet, then the others again and again."""

    is_pressed = False

    def __init__(self, first, others):
        super().__init__([first])
        self._others = others

    def done(self):
        super().__init__(self._others)
        self.ended = False

    def kernel_drops(self):
        return 0


def test_flows_expire_while_nothing_else_is_kept():
    """The clock goes on by our own, though the worker never rests and no packet that counts comes."""
    found = [IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=port, dport=9) for port in range(200)]
    out = [packet for packet in found if not oracle(described(packet), 3, key_of(1))]
    kept = next(packet for packet in found if packet not in out)
    frames_of = [(trial.START_NS, 101, bytes(packet)) for packet in (kept, *out)]
    table = os.memfd_create("table")
    os.ftruncate(table, 8 << 20)
    (batches, their_batches), (their_acks, acks), (life, their_life) = (
        os.pipe(),
        os.pipe(),
        socket.socketpair(),
    )
    spec = Spec(
        "eth0", "pcap", table, their_batches, their_acks, their_life.detach(),
        sample=3, sample_key=key_of(1), idle_timeout_s=0.2, max_flows=64,
    )  # fmt: skip
    worker, until_s = Worker(spec, None), time.monotonic() + 10
    source = Busy(frames_of[0], frames_of[1:])
    while worker.words[INDEX["head"]] == 0 and time.monotonic() < until_s:
        worker.step(source)
    assert worker.words[INDEX["head"]] == 1
    for fd in (batches, their_batches, their_acks, acks, table):
        os.close(fd)
    life.close()


def described(packet):
    src, dst = (bytes(map(int, address.split("."))) for address in (packet.src, packet.dst))
    return Packet(version=4, src=src, dst=dst, proto=17, sport=packet.sport, dport=packet.dport)
