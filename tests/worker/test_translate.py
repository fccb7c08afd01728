"""Ends that stand for others: exactly those, in both directions, after sampling, and never a port where none is."""

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.packet import Raw

from shared.reasons import Drop
from supervisor.translations import parse
from tests.naive_frames import decode
from tests.naive_sample import is_sampled
from tests.worker import trial
from tests.worker.rig import metered

NAT = parse(["192.0.2.1,80,10.0.0.1,8080", "2001:db8::1,53,fd00::1,5353"])
LINK = 101


def ends(record):
    return (record["src_addr"], record["src_port"], record["dst_addr"], record["dst_port"])


def records(*packets, translate=NAT, **settings):
    captured = [(trial.START_NS + i, LINK, bytes(packet)) for i, packet in enumerate(packets)]
    return metered(captured, translate=translate, **settings).records


def four(text):
    return bytes(map(int, text.split(".")))


def tcp(src, sport, dst, dport, **more):
    return IP(src=src, dst=dst) / TCP(sport=sport, dport=dport, **more)


def test_both_directions_of_a_connection():
    there = tcp("198.51.100.9", 40000, "192.0.2.1", 80, flags="S")
    (record,) = records(there, tcp("192.0.2.1", 80, "198.51.100.9", 40000, flags="SA"))
    assert ends(record) == (four("198.51.100.9"), 40000, four("10.0.0.1"), 8080)
    assert (record["packets"], record["rev_packets"]) == (1, 1)


def test_a_translated_end_meets_its_other_self():
    """One flow, seen before the gateway and behind it."""
    before = tcp("198.51.100.9", 40000, "192.0.2.1", 80)
    (record,) = records(before, tcp("198.51.100.9", 40000, "10.0.0.1", 8080))
    assert record["packets"] == 2


def test_each_end_by_itself():
    both = parse(["192.0.2.1,1,10.0.0.1,11", "192.0.2.2,2,10.0.0.2,22"])
    (record,) = records(tcp("192.0.2.1", 1, "192.0.2.2", 2), translate=both)
    assert ends(record) == (four("10.0.0.1"), 11, four("10.0.0.2"), 22)
    swapped = parse(["192.0.2.1,1,192.0.2.2,2", "192.0.2.2,2,192.0.2.1,1"])
    (record,) = records(tcp("192.0.2.1", 1, "192.0.2.2", 2, flags="S"), translate=swapped)
    assert ends(record) == (four("192.0.2.2"), 2, four("192.0.2.1"), 1), "translated once, not on and on"


@pytest.mark.parametrize("packet", [tcp("192.0.2.1", 81, "1.2.3.4", 9), tcp("192.0.2.2", 80, "1.2.3.4", 80)])
def test_only_exact_ends(packet):
    assert ends(records(packet)[0]) == ends(records(packet, translate=())[0])


def test_ipv6():
    (record,) = records(IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=53, dport=40000))
    assert ends(record)[2:] == (bytes.fromhex("fd" + "00" * 14 + "01"), 5353)


def test_an_ipv4_address_is_no_ipv6_address_with_the_same_end():
    same = parse(["::192.0.2.1,80,fd00::1,1"])
    packet = tcp("192.0.2.1", 80, "1.2.3.4", 9, flags="S")
    assert ends(records(packet, translate=same)[0])[0] == four("192.0.2.1")


def test_the_last_of_equal_ones_wins():
    twice = parse(["192.0.2.1,80,10.0.0.1,1", "192.0.2.1,81,10.0.0.9,9", "192.0.2.1,80,10.0.0.2,2"])
    (record,) = records(tcp("192.0.2.1", 80, "1.2.3.4", 9, flags="S"), translate=twice)
    assert ends(record)[:2] == (four("10.0.0.2"), 2)


def test_packets_without_ports_have_port_0_and_get_none():
    pings = IP(src="192.0.2.1", dst="192.0.2.2") / ICMP(), IPv6(src="::1", dst="::2") / ICMPv6EchoRequest()
    assert ends(records(pings[0], translate=parse(["192.0.2.1,80,10.0.0.1,1"]))[0])[0] == four("192.0.2.1")
    zero = parse(["192.0.2.1,0,10.0.0.1,7", "::1,0,fd00::1,7"])
    four_record, six_record = sorted(records(*pings, translate=zero), key=lambda r: r["ip_version"])
    assert ends(four_record) == (four("10.0.0.1"), 0, four("192.0.2.2"), 0)
    assert (ends(six_record)[0][:2], ends(six_record)[1]) == (b"\xfd\0", 0)
    assert (four_record["icmp_type"], four_record["icmp_code"]) == (8, 0)


def test_fragments_go_where_their_first_goes():
    whole = IP(src="192.0.2.1", dst="1.2.3.4", id=5) / UDP(sport=80, dport=9) / Raw(bytes(300))
    (record,) = records(*fragment(whole, 120))
    assert ends(record)[2:] == (four("10.0.0.1"), 8080) or ends(record)[:2] == (four("10.0.0.1"), 8080)
    assert record["packets"] + record["rev_packets"] == 3


def test_sampling_is_decided_before():
    """By the ends as they are on the wire."""
    packet = tcp("192.0.2.1", 80, "198.51.100.9", 40000)
    wire, other = (decode(LINK, bytes(p), 40) for p in (packet, tcp("10.0.0.1", 8080, "198.51.100.9", 40000)))
    keys = [key for key in range(200) if is_sampled(wire, 2, key) != is_sampled(other, 2, key)]
    assert len(keys) > 50
    for key in keys[:20]:
        found = records(packet, sampling=(2, key))
        assert len(found) == is_sampled(wire, 2, key)


@pytest.mark.parametrize("seed", range(4))
def test_the_meter_translates_as_the_oracle_does(seed):
    """Many at once, over frames of every kind; with sampling, too."""
    hosts4 = [f"198.51.100.{n}" for n in range(1, 5)]
    hosts6 = [f"2001:db8::{n:x}:{n}" for n in range(1, 5)]
    ports = [53, 80, 443, 0]
    texts = [f"{host},{port},10.{i}.0.1,{i + port}" for i, host in enumerate(hosts4) for port in ports]
    texts += [f"{host},{port},fd00::{i},{i + port}" for i, host in enumerate(hosts6) for port in ports]
    texts += [f"198.51.100.1,{port},198.51.100.2,{port + 1}" for port in range(1025, 1040)]
    kernels, oracle = trial.both(
        trial.some(seed, 500, 0.2), translate=parse(texts[seed:]), sampling=(1 + seed % 2, seed)
    )
    trial.check(kernels, oracle)
    assert (oracle.drops[Drop.NOT_SAMPLED] > 0) == (seed % 2 == 1)
    assert any(record["dst_addr"][0] in {10, 0xFD} for record in oracle.records)
