"""Kernel: one packet's bytes to fields and a verdict; any bytes end in exactly one (step 3)."""

import numpy as np

from shared.elements import NO_U16
from worker.decode_ip import decode_ipv4, decode_ipv6
from worker.decode_link import IPV4, network_of
from worker.decode_transport import decode_transport
from worker.jit import inlined
from worker.octets import Int, Octets


@inlined
def clear(p: Int) -> None:
    """Forget the packet before, but for what the source fills: at end length next time_ns link direction and tags."""
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
    p.letter = 0
    p.window = -1
    p.window_scale = -1
    p.sequence = -1
    p.payload = 0


@inlined
def decode(buf: Octets, p: Int) -> None:
    """Fill every field of `p` from the frame at [p.at, p.end) of p.length bytes on the wire."""
    clear(p)
    kind, at = network_of(buf, p)
    if kind < 0:
        p.verdict = -kind
        return
    p.verdict = decode_ipv4(buf, p, at) if kind == IPV4 else decode_ipv6(buf, p, at)
    if p.verdict == 0:
        decode_transport(buf, p)
