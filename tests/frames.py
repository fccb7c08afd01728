"""Frames made with scapy: every link type, network and transport that flowherd reads, drawn from a seeded Random.

Addresses and ports come from small pools, so that flows meet again in both directions.
"""

import struct

from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Timestamp, fragment
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    fragment6,
)
from scapy.layers.l2 import ARP, LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP
from scapy.packet import Raw

from tests.segments import RAW_IP, Chatter, segment

HOSTS4 = [f"198.51.100.{n}" for n in range(1, 5)]
HOSTS6 = [f"2001:db8::{n:x}:{n}" for n in range(1, 5)]
PORTS = [53, 80, 443, 5432, 1025, 40000, 40001, 60001]
MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "00:00:5e:00:53:03"]
FLAGS = ["S", "SA", "A", "PA", "A", "PA", "FA", "R", "RA", "SEC"]


def transport(rng):
    """A transport header with payload."""
    ports = {"sport": rng.choice(PORTS), "dport": rng.choice(PORTS)}
    data = Raw(bytes(rng.randrange(0, 60)))
    kind = rng.choice(["tcp"] * 5 + ["udp"] * 3 + ["icmp", "sctp", "dccp", "lite", "gre", "esp"])
    if kind == "tcp":
        options = rng.choice([[], [("MSS", 1400)], [("NOP", None), ("MSS", 900), ("WScale", 7)]])
        return 6, TCP(**ports, flags=rng.choice(FLAGS), seq=rng.getrandbits(32), options=options) / data
    if kind == "udp":
        return 17, UDP(**ports) / data
    if kind == "sctp":
        return 132, SCTP(**ports) / data
    if kind in ("dccp", "lite"):
        proto = 33 if kind == "dccp" else 136
        return proto, Raw(struct.pack(">HHQ", ports["sport"], ports["dport"], rng.getrandbits(64)))
    return {"icmp": 1, "gre": 47, "esp": 50}[kind], data


def packet4(rng):
    """IPv4 packets: one, or the fragments of one."""
    proto, inner = transport(rng)
    if proto == 1:
        inner = ICMP(type=rng.choice([0, 8, 3, 11]), code=rng.choice([0, 1])) / inner
    options = rng.choice([[], [], [IPOption_NOP()] * 3, [IPOption_Timestamp()]])
    head = IP(src=rng.choice(HOSTS4), dst=rng.choice(HOSTS4), proto=proto, id=rng.randrange(65536))
    head.tos, head.ttl, head.options = rng.randrange(256), rng.randrange(1, 256), options
    packet = head / inner
    if rng.random() < 0.15:
        packet = packet / Raw(bytes(rng.randrange(50, 200)))
        pieces = fragment(IP(bytes(packet)), fragsize=48)
        if rng.random() < 0.3:
            rng.shuffle(pieces)
        return [bytes(piece) for piece in pieces]
    return [bytes(packet)]


def packet6(rng):
    """IPv6 packets: with extension headers, as fragments, or bare."""
    proto, inner = transport(rng)
    if proto == 1:
        inner, proto = rng.choice([ICMPv6EchoRequest, ICMPv6EchoReply, ICMPv6ND_NS])(), 58
    head = IPv6(
        src=rng.choice(HOSTS6), dst=rng.choice(HOSTS6), tc=rng.randrange(256), hlim=rng.randrange(1, 256)
    )
    extensions = (IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, IPv6ExtHdrDestOpt)
    chain = [header() for header in extensions if rng.random() < 0.15]
    if rng.random() < 0.15:
        chain.append(IPv6ExtHdrFragment(id=rng.getrandbits(32)))
        inner = inner / Raw(bytes(rng.randrange(100, 300)))
    packet = head
    for header in chain:
        packet = packet / header
    (chain[-1] if chain else head).nh = proto
    packet = packet / inner
    if chain and isinstance(chain[-1], IPv6ExtHdrFragment):
        return [bytes(piece) for piece in fragment6(packet, 140)]
    return [bytes(packet)]


def ether(rng, kind, payload, above=Ether):
    """An Ethernet frame."""
    src, dst = rng.sample(MACS, 2)
    return bytes(above(src=src, dst=dst, type=kind)) + payload


def tagged(rng, kind, payload):
    """Ethernet with one to four tags of three kinds."""
    head = Ether(src=MACS[0], dst=MACS[1], type=rng.choice([0x8100, 0x88A8, 0x9100]))
    depth = rng.randrange(1, 5)
    for left in reversed(range(depth)):
        layer = rng.choice([Dot1Q, Dot1AD])(vlan=rng.choice([1, 10, 4094]), prio=rng.randrange(8))
        layer.type = rng.choice([0x8100, 0x88A8, 0x9100]) if left else kind
        head = head / layer
    return bytes(head) + payload


def labels(rng):
    """An MPLS stack."""
    count = rng.randrange(1, 4)
    stack = [bytes(MPLS(label=rng.randrange(16, 1 << 20), s=i == count - 1, ttl=9)) for i in range(count)]
    return b"".join(stack)


def wire(rng, kind, payload):
    """An Ethernet pseudo-wire over MPLS, with and without control word."""
    control = rng.choice([b"", bytes(2) + rng.randbytes(2)])
    return ether(rng, 0x8847, labels(rng) + control + ether(rng, kind, payload))


def session(rng, protocol, payload):
    """PPPoE, the protocol number in one octet or two."""
    head = bytes(PPPoE(sessionid=7, len=len(payload) + 2)) + struct.pack(">H", protocol)
    return ether(rng, 0x8864, (head if rng.random() < 0.8 else head[:-2] + head[-1:]) + payload)


def cooked(rng, kind, payload, header):
    """Linux cooked capture."""
    packet_type = rng.choice([0, 1, 2, 3, 4])
    size = rng.choice([6, 6, 0, 8])
    fields = {"pkttype": packet_type, "lladdrlen": size, "src": bytes.fromhex("020000000001"), "proto": kind}
    return bytes(header(**fields)) + payload


def snap(rng, kind, payload):
    """IEEE 802.3 with LLC and SNAP, or SAP 6."""
    inner = bytes(LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=kind)) + payload
    if kind == 0x0800 and rng.random() < 0.5:
        inner = bytes(LLC(dsap=6, ssap=6, ctrl=3)) + payload
    return ether(rng, min(len(inner), 1500), inner)


def framed(rng, kind, payload):
    """(link type, frame) of an IP packet in a random way."""
    four = kind == 0x0800
    family = 2 if four else rng.choice([23, 24, 28, 30])
    protocol = 0x21 if four else 0x57
    ways = {
        "ether": lambda: (1, ether(rng, kind, payload) + bytes(rng.randrange(0, 20))),
        "tagged": lambda: (1, tagged(rng, kind, payload)),
        "mpls": lambda: (1, ether(rng, rng.choice([0x8847, 0x8848]), labels(rng) + payload)),
        "wire": lambda: (1, wire(rng, kind, payload)),
        "pppoe": lambda: (1, session(rng, protocol, payload)),
        "snap": lambda: (1, snap(rng, kind, payload)),
        "sll": lambda: (113, cooked(rng, kind, payload, CookedLinux)),
        "sll2": lambda: (276, cooked(rng, kind, payload, CookedLinuxV2)),
        "raw": lambda: (rng.choice([12, 14, 101, 228 if four else 229]), payload),
        "null": lambda: (0, struct.pack(rng.choice("<>") + "I", family) + payload),
        "openbsd": lambda: (108, struct.pack(">I", family) + payload),
        "loopback": lambda: (0, bytes(Loopback(type=family)) + payload),
        "ppp": lambda: (rng.choice([9, 50]), b"\xff\x03" + bytes(PPP(proto=protocol))[-2:] + payload),
        "bare ppp": lambda: (9, bytes([protocol]) + payload),
        "ppp dir": lambda: (204, b"\x01\xff\x03" + struct.pack(">H", protocol) + payload),
        "ppp mpls": lambda: (9, b"\xff\x03\x02\x81" + labels(rng) + payload),
        "chdlc": lambda: (104, struct.pack(">BBH", 0x0F, 0, kind) + payload),
        "ppp chdlc": lambda: (50, struct.pack(">BBH", 0x8F, 0, kind) + payload),
        "pppoe link": lambda: (51, bytes(PPPoE(sessionid=7)) + struct.pack(">H", protocol) + payload),
    }
    return ways[rng.choice(sorted(ways))]()


def others(rng):
    """Frames that lead to no IP packet."""
    tags = b"".join(struct.pack(">HH", 7, 0x8100) for _ in range(rng.randrange(28, 36)))
    return rng.choice(
        [
            (1, ether(rng, 0x0806, bytes(ARP()))),
            (1, ether(rng, 0x88CC, bytes(30))),
            (1, ether(rng, 38, b"\x42\x42\x03" + bytes(35))),
            (1, ether(rng, 0x8100, tags + struct.pack(">HH", 7, 0x0800) + packet4(rng)[0])),
            (1, ether(rng, 0x86DD, packet4(rng)[0])),
            (1, ether(rng, 0x0800, bytes([0x40 + rng.randrange(5)]) + packet4(rng)[0][1:])),
            (147, bytes(40)),
            (1, bytes(rng.randrange(14))),
        ]
    )


def conversation(rng):
    """Segments of one connection, with all that goes wrong."""
    source, version = Chatter(rng), rng.choice([4, 6])
    return [(RAW_IP, segment(version=version, **next(source))) for _ in range(rng.randrange(4, 30))]


def some(rng, count):
    """At least `count` frames as (link type, bytes)."""
    frames = []
    while len(frames) < count:
        if rng.random() < 0.03:
            frames += conversation(rng)
        if rng.random() < 0.05:
            frames.append(others(rng))
            continue
        kind = rng.choice([0x0800, 0x86DD])
        packets = packet4(rng) if kind == 0x0800 else packet6(rng)
        frames += [framed(rng, kind, packet) for packet in packets]
    return frames


def mutated(rng, frame):
    """The same with some bytes changed, cut or repeated."""
    link, data = frame
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        if not data:
            break
        at = rng.randrange(min(len(data), 80)) if rng.random() < 0.9 else rng.randrange(len(data))
        match rng.randrange(5):
            case 0 | 1:
                data[at] = rng.choice([0, 1, 4, 0x40, 0x45, 0x60, 0x7F, 0x80, 0xFF, rng.randrange(256)])
            case 2:
                data[at] ^= 1 << rng.randrange(8)
            case 3:
                del data[at:]
            case 4:
                data[at:at] = data[at : at + rng.randrange(1, 9)]
    return link, bytes(data)
