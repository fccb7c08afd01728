"""The oracle's decoder: one frame's bytes to an IP packet's fields, by struct and from the RFCs, or to a Drop."""

import struct
from dataclasses import dataclass

from shared.reasons import Drop

FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP, UDP, SCTP, ICMP, ICMPV6 = 6, 17, 132, 1, 58
PORTED = {TCP, UDP, SCTP, 33, 136}  # and DCCP, UDP-Lite
EXTENSIONS = {0, 43, 60}
LAST_EXTENSIONS = {135, 139}
IN, OUT = 1, 2
LAYERS = 31  # headers that may stand before the IP header


@dataclass
class Packet:
    """What the meter needs of one IP packet; addresses are their octets."""

    version: int = 0
    src: bytes = b""
    dst: bytes = b""
    proto: int = 0
    sport: int = 0
    dport: int = 0
    octets: int = 0
    tos: int = 0
    ttl: int = 0
    flags: int | None = None
    icmp: int | None = None
    fragment: str = ""
    datagram: tuple = ()
    payload: int = 0
    mss: int = 0
    sequence: int | None = None
    ack: int = 0
    window: int | None = None
    shift: int | None = None
    vlan: tuple = ()
    label: int | None = None
    src_mac: int = 0
    dst_mac: int = 0
    direction: int = 0


class Dropped(Exception):  # noqa: N818 - it is a verdict
    """The frame belongs to no flow; args[0] is the Drop."""


class Frame:
    """Bytes that were captured of a frame, walked from the front."""

    def __init__(self, data, length, packet):
        self.data, self.length, self.at, self.packet = data, length, 0, packet

    def take(self, form, why=Drop.LINK_CUT):
        form = struct.Struct(">" + form)
        if self.at + form.size > len(self.data):
            raise Dropped(why)
        values = form.unpack_from(self.data, self.at)
        self.at += form.size
        return values if len(values) > 1 else values[0]

    def peek(self, count):
        return self.data[self.at : self.at + count]


def decode(link, data, length, tags=()):
    """The Packet in a frame of `length` bytes of which `data` was kept; raises Dropped."""
    packet = Packet(vlan=tags)
    frame = Frame(data, length, packet)
    layer = FIRST.get(link)
    if layer is None:
        raise Dropped(Drop.LINK_UNKNOWN)
    layer = layer(frame)
    passed = 0
    while layer not in (ipv4, ipv6):
        passed += 1
        if passed > LAYERS:
            raise Dropped(Drop.TOO_MANY_LAYERS)
        layer = layer(frame)
    layer(frame)
    return packet


# -- link layers: each passes itself and returns the next -----------------------------------------------------


def ethernet(frame):
    dst, src, kind = frame.take("6s6sH")
    packet = frame.packet
    if not packet.src_mac:
        packet.src_mac, packet.dst_mac = int.from_bytes(src, "big"), int.from_bytes(dst, "big")
    return by_type_or_length(kind)


def by_type_or_length(kind):
    return llc if kind < 0x600 else by_type(kind)


def by_type(kind):
    return TYPES.get(kind, nothing)


def nothing(frame):
    raise Dropped(Drop.NOT_IP)


def tag(frame):
    control, kind = frame.take("HH")
    frame.packet.vlan += (control & 0xFFF,)
    return by_type_or_length(kind)


def mpls(frame):
    entry = frame.take("I")
    if frame.packet.label is None:
        frame.packet.label = entry >> 12
    if not entry & 0x100:
        return mpls
    first = frame.peek(1)
    if not first:
        raise Dropped(Drop.LINK_CUT)
    if first[0] >> 4 in (4, 6):
        return ipv4 if first[0] >> 4 == 4 else ipv6
    if first[0] >> 4 == 0 and is_ethernet(frame.peek(18)[4:]):  # RFC 4385 control word
        frame.at += 4
        return ethernet
    return ethernet if is_ethernet(frame.peek(14)) else nothing


def is_ethernet(head):
    return len(head) == 14 and head[12:] in (b"\x08\0", b"\x86\xdd", b"\x81\0", b"\x88\xa8")


def pppoe(frame):
    frame.at += 6
    return ppp_protocol


def ppp(frame):
    start = frame.take("H")
    if start == 0xFF03:
        return ppp_protocol
    if start in (0x0F00, 0x8F00):
        frame.at -= 2
        return hdlc
    frame.at -= 2
    return ppp_protocol


def ppp_protocol(frame):
    protocol = frame.take("H")
    if protocol >> 8 & 1:  # compressed to one octet
        frame.at -= 1
        protocol >>= 8
    return {0x21: ipv4, 0x57: ipv6, 0x281: mpls, 0x283: mpls}.get(protocol, nothing)


def llc(frame):
    dsap, ssap, control = frame.take("BBB")
    if (dsap, ssap, control) == (6, 6, 3):
        return ipv4
    if (dsap, ssap, control) == (0xAA, 0xAA, 3) and len(frame.peek(5)) == 5:
        oui, kind = frame.take("3sH")
        if oui in (b"\0\0\0", b"\0\0\xf8"):
            return by_type(kind)
    return nothing


def bare_ip(frame):
    version = frame.peek(1)
    if not version:
        raise Dropped(Drop.LINK_CUT)
    return {4: ipv4, 6: ipv6}.get(version[0] >> 4, nothing)


def hdlc(frame):
    _address, _control, kind = frame.take("BBH")
    return by_type(kind) if kind in (0x0800, 0x86DD, 0x8847, 0x8848) else nothing


def cooked(frame):
    packet_type, _hardware, size, address, protocol = frame.take("HHH8sH")
    return from_cooked(frame, packet_type, size, address, protocol)


def cooked2(frame):
    protocol, _reserved, _index, _hardware, packet_type, size, address = frame.take("HHIHBB8s")
    return from_cooked(frame, packet_type, size, address, protocol)


def from_cooked(frame, packet_type, size, address, protocol):
    frame.packet.direction = {0: IN, 1: IN, 2: IN, 4: OUT}.get(packet_type, 0)
    if size == 6:
        frame.packet.src_mac = int.from_bytes(address[:6], "big")
    if protocol == 4:
        return llc
    return by_type(protocol)


def loopback(frame):
    data = frame.peek(4)
    frame.take("I")
    family = min(int.from_bytes(data, "big"), int.from_bytes(data, "little"))
    return by_family(family)


def openbsd_loopback(frame):
    return by_family(frame.take("I"))


def by_family(family):
    return {2: ipv4, 23: ipv6, 24: ipv6, 28: ipv6, 30: ipv6}.get(family, nothing)


def with_direction(frame):
    frame.at += 1
    return ppp


# -- network ------------------------------------------------------------------------------------------------


def ipv4(frame):
    """RFC 791."""
    start, p = frame.at, frame.packet
    header = frame.take("BBHHHBBH4s4s", Drop.IP_CUT)
    first, p.tos, total, identification, offset, p.ttl, p.proto, _sum, p.src, p.dst = header
    size = (first & 15) * 4
    if first >> 4 != 4:
        raise Dropped(Drop.IP_VERSION)
    if size < 20:
        raise Dropped(Drop.IP_HEADER_LENGTH)
    total = total or frame.length - start  # segmentation offload
    if total < size:
        raise Dropped(Drop.IP_TOTAL_LENGTH)
    if start + size > len(frame.data):
        raise Dropped(Drop.IP_CUT)
    p.version, p.octets = 4, total
    if offset & 0x3FFF:
        p.fragment = "later" if offset & 0x1FFF else "first"
        p.datagram = (p.src, p.dst, identification, p.proto)
    transport(frame, start + size, start + total)


def ipv6(frame):
    """RFC 8200."""
    start, p = frame.at, frame.packet
    word, size, following, p.ttl, p.src, p.dst = frame.take("IHBB16s16s", Drop.IP_CUT)
    if word >> 28 != 6:
        raise Dropped(Drop.IP_VERSION)
    if size == 0 and following != 59:
        size = frame.length - start - 40
    p.version, p.tos, p.octets = 6, word >> 20 & 0xFF, 40 + size
    at, end = start + 40, start + 40 + size
    known = frame.data[:end]
    for _ in range(64):
        head = known[at : at + 8]
        if following == 44 and len(head) == 8:
            following, _reserved, offset, identification = struct.unpack(">BBHI", head)
            at += 8
            if offset & 0xFFF9:
                p.fragment = "later" if offset >> 3 else "first"
            p.datagram = (p.src, p.dst, identification)
            if p.fragment == "later":
                break
        elif following in EXTENSIONS and len(head) >= 2:
            following, at = head[0], at + 8 * (head[1] + 1)
        elif following in LAST_EXTENSIONS and len(head) >= 2:
            following, at = head[0], end
            break
        else:
            break
    p.proto = following
    transport(frame, at, end)


# -- transport ----------------------------------------------------------------------------------------------


def transport(frame, at, end):
    """What lies in [at, end) of the frame, as far as it was captured."""
    p = frame.packet
    if p.fragment == "later":
        return
    data = frame.data[at:end] if at < end else b""
    if p.proto in PORTED and len(data) >= (12 if p.proto == SCTP else 4):  # both, as tshark
        p.sport, p.dport = struct.unpack_from(">HH", data)
    if p.proto in (ICMP, ICMPV6) and len(data) >= 2:
        p.icmp = data[0] << 8 | data[1]
    if p.proto == TCP:
        tcp(p, data, end - at)
    elif p.proto == UDP:
        p.payload = max(end - at - 8, 0)


def tcp(p, data, size):
    """RFC 9293."""
    p.flags = 0
    if len(data) < 14:
        return
    p.sequence, p.ack, p.flags = *struct.unpack_from(">II", data, 4), data[13]
    p.window = int.from_bytes(data[14:16], "big") if len(data) >= 16 else None
    header = data[12] >> 4 << 2
    p.payload = max(size - max(header, 20), 0)
    if p.flags & SYN:
        options = data[20:header]
        while options and options[0]:
            if options[0] == 1:
                options = options[1:]
                continue
            if options[0] == 2 and len(options) >= 4:
                p.mss = options[2] << 8 | options[3]
            if options[0] == 3 and len(options) >= 3:
                p.shift = options[2]
            options = options[max(options[1], 2) :] if len(options) > 1 else b""


TYPES = {
    0x0800: ipv4,
    0x86DD: ipv6,
    0x8100: tag,
    0x88A8: tag,
    0x9100: tag,
    0x8847: mpls,
    0x8848: mpls,
    0x8864: pppoe,
}
FIRST = {
    0: loopback,
    108: openbsd_loopback,
    1: lambda _frame: ethernet,
    **dict.fromkeys((9, 50), lambda _frame: ppp),
    **dict.fromkeys((12, 14, 101, 228, 229), lambda _frame: bare_ip),
    51: lambda _frame: pppoe,
    104: hdlc,
    113: cooked,
    204: with_direction,
    276: cooked2,
}
