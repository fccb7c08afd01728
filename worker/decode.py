"""Kernel: one packet's bytes to fields and a verdict; any bytes end in exactly one (step 3)."""

import numpy as np

from shared.elements import NO_U16
from worker.decode_ip import decode_ipv4, decode_ipv6
from worker.decode_link import IPV4, IPV6, network_of
from worker.decode_transport import TCP, UDP, decode_transport
from worker.jit import called, inlined
from worker.octets import Int, Octets, octet

MIRROR_HEAD = 8


@inlined
def clear(p: Int) -> None:
    """Forget the packet before, but for what the source told."""
    p.src_mac = np.uint64(0)
    p.dst_mac = np.uint64(0)
    p.mpls_label = -1
    p.src_port = 0
    p.dst_port = 0
    p.tcp_flags = NO_U16
    p.icmp = NO_U16
    p.fragment = 0
    p.fragment_id = 0
    p.mss = 0
    p.window = -1
    p.window_scale = -1
    p.sequence = -1
    p.payload = 0


@inlined
def decode(buf: Octets, frame: Int, p: Int) -> None:
    """Fill every field of `p` from the frame at [frame.at, frame.end) of frame.length bytes on the wire."""
    p.at = frame.at
    p.end = frame.end
    p.length = frame.length
    p.next = frame.next
    p.time_ns = frame.time_ns
    p.link = frame.link
    p.vlan = frame.vlan
    p.inner_vlan = frame.inner_vlan
    p.tags = frame.tags
    p.direction = frame.direction
    clear(p)
    kind, at = network_of(buf, p)
    if kind < 0:
        p.verdict = -kind
        return
    decode_packet(buf, p, at, kind)


@inlined
def decode_packet(buf: Octets, p: Int, at: Int, kind: Int) -> None:
    """From the IP header on."""
    p.verdict = decode_ipv4(buf, p, at) if kind == IPV4 else decode_ipv6(buf, p, at)
    if p.verdict == 0:
        decode_transport(buf, p)


@called
def decode_mirrored(buf: Octets, p: Int) -> None:
    """What a Juniper router mirrors: an IP packet in a UDP or TCP payload, behind a head of eight octets."""
    at = p.at + p.payload_at + MIRROR_HEAD
    if p.verdict != 0 or p.proto not in (TCP, UDP) or p.payload <= MIRROR_HEAD or at >= p.end:
        return
    version = octet(buf, at) >> 4
    if version in (4, 6):
        clear(p)
        decode_packet(buf, p, at, IPV4 if version == 4 else IPV6)
