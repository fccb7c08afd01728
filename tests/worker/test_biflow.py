"""Who the initiator is, what is one flow and what two, and when a closed one gives way to the next."""

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Dot1Q, Ether

from shared.reasons import EndReason
from tests.worker.rig import metered
from tests.worker.trial import START_NS

A, B = "192.0.2.1", "192.0.2.2"
SECOND = 10**9
SSH, HIGH = 22, 50000


def tcp(flags, *, back=False, sport=HIGH, dport=443, **more):
    """A segment from A to B, or back."""
    src, dst, sport, dport = (B, A, dport, sport) if back else (A, B, sport, dport)
    return IP(src=src, dst=dst) / TCP(sport=sport, dport=dport, flags=flags, **more)


def flows(*packets, every_s=0.01, **settings):
    """Records of packets with even times."""
    times = (START_NS + int(i * every_s * SECOND) for i in range(len(packets)))
    return metered([(t, 101, bytes(p)) for t, p in zip(times, packets, strict=True)], **settings).records


def initiator(record):
    return ".".join(map(str, record["src_addr"])), record["src_port"]


@pytest.mark.parametrize(
    ("first", "ports", "expected"),
    [
        (tcp("S"), (), (A, HIGH)),
        (tcp("SA", back=True), (), (A, HIGH)),
        (tcp("SA"), (), (B, 443)),
        (tcp("S", sport=443, dport=HIGH), (), (A, 443)),
        (tcp("A"), (), (A, HIGH)),
        (tcp("A", back=True), (), (A, HIGH)),
        (tcp("PA", back=True, dport=60000), (), (B, 60000)),
        (tcp("A", sport=443, dport=80), (), (A, 443)),
        (IP(src=B, dst=A) / UDP(sport=53, dport=40000), (), (A, 40000)),
        (IP(src=B, dst=A) / UDP(sport=40000, dport=53), (), (B, 40000)),
        (IP(src=B, dst=A) / UDP(sport=5353, dport=5353), (), (B, 5353)),
        (IP(src=B, dst=A) / ICMP(type=0), (), (B, 0)),
    ],
)
def test_initiator_by_one_packet(first, ports, expected):
    (record,) = flows(first)
    assert initiator(record) == expected


def test_both_directions_are_one_record():
    (record,) = flows(tcp("S"), tcp("SA", back=True), tcp("A"), tcp("PA") / b"12345", tcp("A", back=True))
    assert (record["packets"], record["rev_packets"]) == (3, 2)
    assert (record["bytes"], record["rev_bytes"]) == (125, 80)
    assert (record["tcp_flags"], record["rev_tcp_flags"]) == (0x1A, 0x12)


def test_an_echo_and_its_reply_are_one_flow():
    (record,) = flows(IP(src=A, dst=B) / ICMP(type=8), IP(src=B, dst=A) / ICMP(type=0))
    assert (record["icmp_type"], record["packets"], record["rev_packets"]) == (8, 1, 1)
    six = {"src": "2001:db8::1", "dst": "2001:db8::2"}
    back = {"src": "2001:db8::2", "dst": "2001:db8::1"}
    (record,) = flows(IPv6(**six) / ICMPv6EchoRequest(), IPv6(**back) / ICMPv6EchoReply())
    assert (record["icmp_type"], record["packets"], record["rev_packets"]) == (128, 1, 1)


def test_other_icmp_types_are_flows_of_their_own():
    assert len(flows(IP(src=A, dst=B) / ICMP(type=8), IP(src=A, dst=B) / ICMP(type=13))) == 2


def test_vlans_tell_no_flows_apart():
    """Mirrored ports may tag one direction, or each its own way: the record has the first packet's tags."""
    there = Ether() / Dot1Q(vlan=7) / Dot1Q(vlan=8) / IP(src=A, dst=B) / UDP(sport=40_000, dport=2000)
    back = Ether() / Dot1Q(vlan=9) / IP(src=B, dst=A) / UDP(sport=2000, dport=40_000)
    (record,) = metered([(START_NS, 1, bytes(p)) for p in (there, back, back)]).records
    assert (record["vlan"], record["inner_vlan"]) == (7, 8)
    assert (record["packets"], record["rev_packets"]) == (1, 2)


@pytest.mark.parametrize("closing", [["FA", "FA-"], ["R"], ["RA-"]])
def test_a_syn_after_the_end_starts_a_new_flow(closing):
    ends = [tcp(flags.rstrip("-"), back=flags.endswith("-")) for flags in closing]
    first, second = flows(tcp("S"), *ends, tcp("S", seq=70_000), tcp("SA", back=True))
    assert first["end_reason"] == EndReason.END_OF_FLOW
    assert (first["packets"] + first["rev_packets"], second["packets"] + second["rev_packets"]) == (
        1 + len(ends),
        2,
    )
    assert second["end_reason"] == EndReason.FORCED_END


def test_a_syn_sent_again_after_a_reset_starts_nothing():
    (record,) = flows(tcp("S"), tcp("RA", back=True), tcp("S"), tcp("RA", back=True))
    assert (record["packets"], record["rev_packets"], record["retransmits"]) == (2, 2, 1)


def test_a_new_flow_may_have_the_other_initiator():
    first, second = flows(tcp("S"), tcp("R", back=True), tcp("S", back=True))
    assert (initiator(first), initiator(second)) == ((A, HIGH), (B, 443))


def test_a_syn_within_a_living_flow_starts_none():
    assert len(flows(tcp("S"), tcp("S"), tcp("SA", back=True), tcp("FA"), tcp("S"))) == 1


def test_late_segments_still_count():
    (record,) = flows(tcp("S"), tcp("FA"), tcp("FA", back=True), tcp("A"), tcp("A"))
    assert (record["packets"], record["end_reason"]) == (4, EndReason.END_OF_FLOW)


def test_segments_after_a_reset_that_nobody_heeds_are_reported():
    """A forged RST must not keep a living flow from its records."""
    found = flows(tcp("R"), *[tcp("A")] * 60, every_s=1.0)
    assert max(r["end_ns"] - r["start_ns"] for r in found) <= 15 * SECOND
    assert sum(r["packets"] for r in found) == 61


def test_super_frames_count_by_the_receivers_mss():
    """Segmentation offload: 14,000 bytes of payload, 1,400 announced by the other side."""
    syn, answer = tcp("S", options=[("MSS", 1000)]), tcp("SA", back=True, options=[("MSS", 1400)])
    (record,) = flows(syn, answer, tcp("A") / bytes(14_000), tcp("A", back=True) / bytes(2_001))
    assert (record["packets"], record["wire_packets"]) == (2, 11)
    assert (record["rev_packets"], record["rev_wire_packets"]) == (2, 4)


def test_super_frames_without_a_handshake_count_by_the_mtu():
    (record,) = flows(tcp("A") / bytes(14_600))
    assert record["wire_packets"] == 10
