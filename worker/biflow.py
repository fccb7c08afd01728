"""Kernel: flow key in an order that both directions share, its hash, and who the initiator is (step 4).

RFC 5103 section 3: forward is the side that began. A SYN tells; else the side that talks to a known service
port; else the sender of the first packet.
"""

import numpy as np

from shared.elements import NO_U16
from shared.vitals import INDEX
from worker.decode_transport import ACK, SYN, TCP
from worker.jit import inlined
from worker.octets import Int

SEED = INDEX["seed"]
LOW, HIGH = 0, 1


@inlined
def source_is_high(p: Int) -> bool:
    """Whether the sender is the higher end: addresses first, then ports, as unsigned numbers."""
    if p.src_head != p.dst_head:
        return p.src_head > p.dst_head  # type: ignore[no-any-return]
    if p.src_tail != p.dst_tail:
        return p.src_tail > p.dst_tail  # type: ignore[no-any-return]
    return p.src_port > p.dst_port  # type: ignore[no-any-return]


@inlined
def order(p: Int) -> None:
    """Put the packet's ends in table order; selections, not branches: half of all packets go either way."""
    high = source_is_high(p)
    src_head, src_tail, dst_head, dst_tail = p.src_head, p.src_tail, p.dst_head, p.dst_tail
    p.low_head = dst_head if high else src_head
    p.low_tail = dst_tail if high else src_tail
    p.high_head = src_head if high else dst_head
    p.high_tail = src_tail if high else dst_tail
    p.high = 1 if high else 0
    p.key = key_of(p, high)


@inlined
def key_of(p: Int, high: bool) -> Int:
    """The rest of the flow key in one word: ports (or ICMP exchange) and protocol.

    Not the VLANs, which mirrored ports often have for one direction alone (docs/adr/0008).
    """
    src_port, dst_port = p.src_port, p.dst_port
    low_port = dst_port if high else src_port
    high_port = src_port if high else dst_port
    if p.icmp != NO_U16:
        low_port = icmp_exchange(p.icmp, p.ip_version)
    ports = np.uint64(low_port) << np.uint64(24) | np.uint64(high_port) << np.uint64(8)
    return ports | np.uint64(p.proto)


@inlined
def key_of_row(flow: Int) -> Int:
    """That word of a flow."""
    return np.uint64(flow.ports) << np.uint64(8) | np.uint64(flow.proto)


@inlined
def icmp_exchange(icmp: Int, ip_version: Int) -> Int:
    """Type and code, with an echo reply counted to its request (RFC 792, RFC 4443 section 4)."""
    if ip_version == 4 and icmp == 0x0000:
        return 0x0800
    if ip_version == 6 and icmp == 0x8100:
        return 0x8000
    return icmp


@inlined
def mixed(h: Int, word: Int) -> Int:
    """One word more into a 64-bit hash (the multiply and xor-shift of splitmix64)."""
    h = (h ^ word) * np.uint64(0xBF58476D1CE4E5B9)
    return h ^ (h >> np.uint64(31))


@inlined
def hash_of(seed: Int, low_head: Int, low_tail: Int, high_head: Int, high_tail: Int, key: Int) -> Int:
    """32-bit hash of a flow key, keyed by the table's random seed so that nobody can aim at one bucket."""
    h = mixed(np.uint64(seed), key)
    h = mixed(h, low_tail)
    h = mixed(h, high_tail)
    if low_head | high_head:
        h = mixed(mixed(h, low_head), high_head)
    h = h * np.uint64(0x94D049BB133111EB)
    return np.int64(h >> np.uint64(32))


@inlined
def hash_of_row(t: Int, row: Int) -> Int:
    """The hash the row was entered with."""
    flow = t.flows[row]
    return hash_of(
        t.words[SEED], flow.low_head, flow.low_tail, flow.high_head, flow.high_tail, key_of_row(flow)
    )


@inlined
def source_is_initiator(p: Int, services: Int) -> bool:
    """Who began, as far as one packet tells."""
    if p.proto == TCP and p.tcp_flags != NO_U16 and p.tcp_flags & SYN:
        return not p.tcp_flags & ACK
    return not (services[p.src_port] and not services[p.dst_port])
