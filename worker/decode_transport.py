"""Kernel: ports, TCP flags, ICMP type from the bytes behind the IP headers (step 3)."""

from worker.decode_ip import LATER_FRAGMENT
from worker.jit import inlined
from worker.octets import Int, Octets, be16, be32, octet

ICMP, TCP, UDP, DCCP, ICMPV6, SCTP, UDP_LITE = 1, 6, 17, 33, 58, 132, 136
FIN, SYN, RST, ACK = 1, 2, 4, 16
OPTION_END, OPTION_NOP, OPTION_MSS, OPTION_WINDOW_SCALE = 0, 1, 2, 3
WINDOW_SCALE_MOST = 14
OPTIONS = 40
SCTP_HEADER = 12  # RFC 9260 section 3.1: a packet without its checksum is no SCTP


@inlined
def decode_transport(buf: Octets, p: Int) -> None:
    """Fill ports, tcp_flags, icmp, and leave in `payload` what lies behind the transport header."""
    if p.fragment == LATER_FRAGMENT:
        return
    at = p.at + p.payload_at
    limit = min(at + p.payload, p.end)
    if p.proto in (TCP, UDP, SCTP, DCCP, UDP_LITE):
        if at + (SCTP_HEADER if p.proto == SCTP else 4) <= limit:
            p.src_port = be16(buf, at)
            p.dst_port = be16(buf, at + 2)
        if p.proto == TCP:
            decode_tcp(buf, p, at, limit)
        elif p.proto == UDP:
            p.payload = max(p.payload - 8, 0)
            p.payload_at += 8
    elif p.proto in (ICMP, ICMPV6) and at + 2 <= limit:
        p.icmp = be16(buf, at)


@inlined
def decode_tcp(buf: Octets, p: Int, at: Int, limit: Int) -> None:
    """RFC 9293 section 3.1; a header cut short keeps what is there."""
    if at + 14 > limit:
        p.tcp_flags = 0
        p.payload = 0
        return
    p.sequence = be32(buf, at + 4)
    p.acknowledged = be32(buf, at + 8)
    p.tcp_flags = octet(buf, at + 13)
    header = (octet(buf, at + 12) >> 4) * 4
    if at + 16 <= limit:
        p.window = be16(buf, at + 14)
    p.payload = max(p.payload - max(header, 20), 0)
    p.payload_at = at + max(header, 20) - p.at
    if p.tcp_flags & SYN and header > 20:
        decode_options(buf, p, at + 20, min(at + header, limit))


@inlined
def decode_options(buf: Octets, p: Int, at: Int, limit: Int) -> None:
    """Maximum segment size and window scale from the options of a SYN (RFC 9293 section 3.2, RFC 7323 section 2.2)."""
    for _ in range(OPTIONS):
        if at + 2 > limit or octet(buf, at) == OPTION_END:
            return
        if octet(buf, at) == OPTION_NOP:
            at += 1
            continue
        if octet(buf, at) == OPTION_MSS and at + 4 <= limit:
            p.mss = be16(buf, at + 2)
        elif octet(buf, at) == OPTION_WINDOW_SCALE and at + 3 <= limit:
            p.window_scale = min(octet(buf, at + 2), WINDOW_SCALE_MOST)
        at += max(octet(buf, at + 1), 2)
