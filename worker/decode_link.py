"""Kernel: from the first byte of a frame to its first IP header: link types, tags, labels (step 3).

A bounded loop over layers: each layer's function takes the offset where it begins and returns (next kind, offset).
Kinds up to 0xFFFF are EtherTypes; the others are below. A kind under zero is a verdict: -Drop.
"""

from shared.reasons import Drop
from worker.jit import inlined
from worker.octets import Int, Octets, be16, be32, le32, octet

# Link types of capture files (tcpdump.org/linktypes.html).
NULL, ETHERNET, PPP, RAW_BSD, RAW_OPENBSD = 0, 1, 9, 12, 14
PPP_HDLC, PPP_ETHER, RAW, C_HDLC, LOOP, SLL = 50, 51, 101, 104, 108, 113
PPP_WITH_DIRECTION, IPV4_ONLY, IPV6_ONLY, SLL2 = 204, 228, 229, 276

IPV4, IPV6, VLAN, QINQ, QINQ_OLD = 0x0800, 0x86DD, 0x8100, 0x88A8, 0x9100
MPLS_UNICAST, MPLS_MULTICAST, PPPOE = 0x8847, 0x8848, 0x8864
AS_ETHERNET, AS_PPP, AS_LLC, AS_IP, AS_PPP_PROTOCOL = 0x10000, 0x10001, 0x10002, 0x10003, 0x10004

LAYERS = 32
CUT, UNKNOWN = -int(Drop.LINK_CUT), -int(Drop.LINK_UNKNOWN)
NOT_IP, TOO_MANY = -int(Drop.NOT_IP), -int(Drop.TOO_MANY_LAYERS)
HOST, BROADCAST, MULTICAST, OUTGOING = 0, 1, 2, 4  # packet types of linux/if_packet.h
IN, OUT = 1, 2


@inlined
def network_of(buf: Octets, p: Int) -> tuple[Int, Int]:
    """(IPV4 or IPV6, offset of the first IP header), or (-Drop, offset) when the frame leads to none."""
    kind, at = enter(buf, p)
    for _ in range(LAYERS):
        if kind in (IPV4, IPV6) or kind < 0:
            return kind, at
        kind, at = layer(buf, p, kind, at)
    return TOO_MANY, at


@inlined
def enter(buf: Octets, p: Int) -> tuple[Int, Int]:
    """First layer of a frame by its link type."""
    at, link = p.at, p.link
    if link == ETHERNET:
        return AS_ETHERNET, at
    if link in (RAW, RAW_BSD, RAW_OPENBSD, IPV4_ONLY, IPV6_ONLY):
        return AS_IP, at
    if link in (SLL, SLL2):
        return cooked(buf, p)
    if link in (NULL, LOOP):
        return loopback(buf, p)
    if link in (PPP, PPP_HDLC):
        return AS_PPP, at
    if link == PPP_WITH_DIRECTION:
        return AS_PPP, at + 1
    if link == PPP_ETHER:
        return PPPOE, at
    if link == C_HDLC:
        return hdlc(buf, p, at)
    return UNKNOWN, at


@inlined
def layer(buf: Octets, p: Int, kind: Int, at: Int) -> tuple[Int, Int]:
    """Pass one layer that is not IP."""
    if kind == AS_ETHERNET:
        return ethernet(buf, p, at)
    if kind in (VLAN, QINQ, QINQ_OLD):
        return tag(buf, p, at)
    if kind in (MPLS_UNICAST, MPLS_MULTICAST):
        return label(buf, p, at)
    if kind == AS_IP:
        return ip_version(buf, p, at)
    if kind == AS_PPP:
        return ppp(buf, p, at)
    if kind == AS_PPP_PROTOCOL:
        return ppp_protocol(buf, p, at)
    if kind == PPPOE:
        return AS_PPP_PROTOCOL, at + 6  # RFC 2516 section 4
    if kind == AS_LLC:
        return llc(buf, p, at)
    return NOT_IP, at


@inlined
def ethernet(buf: Octets, p: Int, at: Int) -> tuple[Int, Int]:
    """IEEE 802.3 header; a length instead of a type leads to LLC."""
    if at + 14 > p.end:
        return CUT, at
    if p.src_mac == 0:
        p.dst_mac = be32(buf, at) << 16 | be16(buf, at + 4)
        p.src_mac = be16(buf, at + 6) << 32 | be32(buf, at + 8)
    kind = be16(buf, at + 12)
    if kind < 0x0600:
        return AS_LLC, at + 14
    return kind, at + 14


@inlined
def tag(buf: Octets, p: Int, at: Int) -> tuple[Int, Int]:
    """IEEE 802.1Q tag: the first two of a stack are kept."""
    if at + 4 > p.end:
        return CUT, at
    note_tag(p, be16(buf, at) & 0x0FFF)
    kind = be16(buf, at + 2)
    if kind < 0x0600:
        return AS_LLC, at + 4
    return kind, at + 4


@inlined
def note_tag(p: Int, vlan: Int) -> None:
    """Keep a VLAN id in the order of the stack."""
    if p.tags == 0:
        p.vlan = vlan
    elif p.tags == 1:
        p.inner_vlan = vlan
    p.tags = p.tags + 1


@inlined
def label(buf: Octets, p: Int, at: Int) -> tuple[Int, Int]:
    """One MPLS label (RFC 3032 section 2.1); below the last: IP by its version, else a pseudo-wire's Ethernet."""
    if at + 4 > p.end:
        return CUT, at
    entry = be32(buf, at)
    if p.mpls_label < 0:
        p.mpls_label = entry >> 12
    if not entry & 0x100:
        return MPLS_UNICAST, at + 4
    if at + 5 > p.end:
        return CUT, at
    first = octet(buf, at + 4) >> 4
    if first == 4:
        return IPV4, at + 4
    if first == 6:
        return IPV6, at + 4
    if first == 0 and is_ethernet(buf, p, at + 8):
        return AS_ETHERNET, at + 8  # behind a control word (RFC 4385 section 3)
    if is_ethernet(buf, p, at + 4):
        return AS_ETHERNET, at + 4
    return NOT_IP, at


@inlined
def is_ethernet(buf: Octets, p: Int, at: Int) -> bool:
    """Whether a pseudo-wire's Ethernet header (RFC 4448 section 4.6) stands here: a type that leads to IP shows it."""
    if at + 14 > p.end:
        return False
    kind = be16(buf, at + 12)
    return kind in (IPV4, IPV6, VLAN, QINQ)


@inlined
def ip_version(buf: Octets, p: Int, at: Int) -> tuple[Int, Int]:
    """Bare IP: the version nibble decides."""
    if at >= p.end:
        return CUT, at
    version = octet(buf, at) >> 4
    if version == 4:
        return IPV4, at
    if version == 6:
        return IPV6, at
    return NOT_IP, at


@inlined
def cooked(buf: Octets, p: Int) -> tuple[Int, Int]:
    """Linux cooked capture v1 and v2: packet type, link address of the sender, protocol."""
    at, first = p.at, p.link == SLL
    size = 16 if first else 20
    if at + size > p.end:
        return CUT, at
    packet_type = be16(buf, at) if first else octet(buf, at + 10)
    p.direction = direction_of(packet_type)
    address = at + 6 if first else at + 12
    if (be16(buf, at + 4) if first else octet(buf, at + 11)) == 6:
        p.src_mac = be16(buf, address) << 32 | be32(buf, address + 2)
    kind = be16(buf, at + 14) if first else be16(buf, at)
    if kind == 4:
        return AS_LLC, at + size
    if kind == 1:
        return NOT_IP, at  # Novell's raw 802.3
    return kind, at + size


@inlined
def direction_of(packet_type: Int) -> Int:
    """Which way a packet goes by the kernel's packet type."""
    if packet_type == OUTGOING:
        return OUT
    if packet_type in (HOST, BROADCAST, MULTICAST):
        return IN
    return 0


@inlined
def loopback(buf: Octets, p: Int) -> tuple[Int, Int]:
    """BSD loopback: an address family, in NULL in either byte order; 2 is IPv4, each system has its number for IPv6."""
    at = p.at
    if at + 4 > p.end:
        return CUT, at
    family = be32(buf, at)
    if p.link == NULL and family >= 1 << 24:
        family = le32(buf, at)
    if family == 2:
        return IPV4, at + 4
    if family in (23, 24, 28, 30):  # Windows, NetBSD and OpenBSD, FreeBSD, macOS
        return IPV6, at + 4
    return NOT_IP, at


@inlined
def ppp(buf: Octets, p: Int, at: Int) -> tuple[Int, Int]:
    """PPP in HDLC-like framing (RFC 1662 section 3.1), address and control perhaps left out; or Cisco's HDLC."""
    if at + 2 > p.end:
        return CUT, at
    start = be16(buf, at)
    if start == 0xFF03:
        return AS_PPP_PROTOCOL, at + 2
    if start in (0x0F00, 0x8F00):
        return hdlc(buf, p, at)
    return AS_PPP_PROTOCOL, at


@inlined
def hdlc(buf: Octets, p: Int, at: Int) -> tuple[Int, Int]:
    """Cisco HDLC: address, control, and the EtherType of an IP packet or an MPLS label."""
    if at + 4 > p.end:
        return CUT, at
    kind = be16(buf, at + 2)
    return kind if kind in (IPV4, IPV6, MPLS_UNICAST, MPLS_MULTICAST) else NOT_IP, at + 4


@inlined
def ppp_protocol(buf: Octets, p: Int, at: Int) -> tuple[Int, Int]:
    """PPP protocol number, one octet when odd (RFC 1661 section 2)."""
    if at + 2 > p.end:
        return CUT, at
    protocol, size = be16(buf, at), 2
    if octet(buf, at) & 1:
        protocol, size = octet(buf, at), 1
    if protocol == 0x0021:
        return IPV4, at + size
    if protocol == 0x0057:
        return IPV6, at + size
    if protocol == 0x0281:
        return MPLS_UNICAST, at + size
    if protocol == 0x0283:
        return MPLS_MULTICAST, at + size
    return NOT_IP, at


@inlined
def llc(buf: Octets, p: Int, at: Int) -> tuple[Int, Int]:
    """IEEE 802.2 LLC: SNAP carries an EtherType (RFC 1042), SAP 6 carries IP."""
    if at + 3 > p.end:
        return CUT, at
    sap, control = be16(buf, at), octet(buf, at + 2)
    if sap == 0x0606 and control == 3:
        return IPV4, at + 3
    if (
        sap == 0xAAAA
        and control == 3
        and at + 8 <= p.end
        and be16(buf, at + 3) == 0
        and octet(buf, at + 5) in (0, 0xF8)
    ):
        return be16(buf, at + 6), at + 8
    return NOT_IP, at
