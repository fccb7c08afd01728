"""Kernel: an IP header to addresses, protocol, IP bytes and where the transport begins (step 3)."""

import numpy as np

from shared.reasons import Drop
from worker.jit import inlined
from worker.octets import Int, Octets, address4, be16, be32, memory64, octet

HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION, MOBILITY, HIP, NO_NEXT = 0, 43, 44, 60, 135, 139, 59
EXTENSION_HEADERS = 64
FIRST_FRAGMENT, LATER_FRAGMENT = 1, 2
ACCOUNTED, IP_CUT, IP_VERSION = int(Drop.ACCOUNTED), int(Drop.IP_CUT), int(Drop.IP_VERSION)
IP_HEADER_LENGTH, IP_TOTAL_LENGTH = int(Drop.IP_HEADER_LENGTH), int(Drop.IP_TOTAL_LENGTH)


@inlined
def decode_ipv4(buf: Octets, p: Int, at: Int) -> Int:
    """RFC 791 section 3.1. Returns a Drop; fills addresses, protocol, ip_bytes, fragment and payload."""
    if at + 20 > p.end:
        return IP_CUT
    first = octet(buf, at)
    header = (first & 15) * 4
    if first >> 4 != 4:
        return IP_VERSION
    if header < 20:
        return IP_HEADER_LENGTH
    total = be16(buf, at + 2)
    if total == 0:  # segmentation offload: the kernel leaves the length to the card
        total = p.at + p.length - at
    if total < header:
        return IP_TOTAL_LENGTH
    if at + header > p.end:
        return IP_CUT
    p.ip_version = 4
    p.ip_bytes = total
    p.tos = octet(buf, at + 1)
    p.ttl = octet(buf, at + 8)
    p.proto = octet(buf, at + 9)
    p.src_head = np.uint64(0)
    p.dst_head = np.uint64(0)
    p.src_tail = address4(buf, at + 12)
    p.dst_tail = address4(buf, at + 16)
    note_fragment(p, (be16(buf, at + 6) & 0x1FFF) != 0, (be16(buf, at + 6) & 0x2000) != 0, be16(buf, at + 4))
    p.payload_at = at + header - p.at
    p.payload = total - header
    return ACCOUNTED


@inlined
def note_fragment(p: Int, later: Int, more: Int, identification: Int) -> None:
    """Keep what joins the fragments of one datagram (RFC 791 section 3.2, RFC 8200 section 4.5)."""
    if later:
        p.fragment = LATER_FRAGMENT
    elif more:
        p.fragment = FIRST_FRAGMENT
    p.fragment_id = identification


@inlined
def decode_ipv6(buf: Octets, p: Int, at: Int) -> Int:
    """RFC 8200 section 3. Returns a Drop; fills addresses, protocol, ip_bytes, fragment and payload."""
    if at + 40 > p.end:
        return IP_CUT
    if octet(buf, at) >> 4 != 6:
        return IP_VERSION
    size = be16(buf, at + 4)
    following = octet(buf, at + 6)
    if size == 0 and following != NO_NEXT:  # jumbogram or segmentation offload
        size = p.at + p.length - at - 40
    p.ip_version = 6
    p.ip_bytes = 40 + size
    p.tos = be16(buf, at) >> 4 & 0xFF
    p.ttl = octet(buf, at + 7)
    p.src_head = memory64(buf, at + 8)
    p.src_tail = memory64(buf, at + 16)
    p.dst_head = memory64(buf, at + 24)
    p.dst_tail = memory64(buf, at + 32)
    pass_extensions(buf, p, at + 40, following, at + 40 + size)
    return ACCOUNTED


@inlined
def pass_extensions(buf: Octets, p: Int, at: Int, following: Int, end: Int) -> None:
    """Walk the extension headers (RFC 8200 section 4); AH and ESP end the chain, and so does a later fragment."""
    limit = min(end, p.end)
    for _ in range(EXTENSION_HEADERS):
        if following == FRAGMENT and at + 8 <= limit:
            note_fragment(p, be16(buf, at + 2) >> 3 != 0, octet(buf, at + 3) & 1 != 0, be32(buf, at + 4))
            following = octet(buf, at)
            at += 8
            if p.fragment == LATER_FRAGMENT:
                break
        elif following in (HOP_BY_HOP, ROUTING, DESTINATION) and at + 2 <= limit:
            following = octet(buf, at)
            at += (octet(buf, at + 1) + 1) * 8
        elif following in (MOBILITY, HIP) and at + 2 <= limit:  # the last of a chain (RFC 6275 section 6.1.1)
            following = octet(buf, at)
            at = end
            break
        else:
            break
    p.proto = following
    p.payload_at = at - p.at
    p.payload = max(end - at, 0)
