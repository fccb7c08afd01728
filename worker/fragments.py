"""Kernel: later fragments take the ports of their datagram's first one (step 3).

A fixed table of FRAGMENTS entries by a keyed hash of source, destination, identification (and, in IPv4, protocol:
RFC 791 section 3.2, RFC 8200 section 4.5). A newcomer takes the entry; a fragment without its first has no ports.
"""

import numpy as np

from shared.vitals import INDEX
from worker.biflow import mixed
from worker.decode_ip import FIRST_FRAGMENT
from worker.jit import inlined
from worker.octets import Int

SEED = INDEX["seed"]
REASSEMBLY_NS = 60_000_000_000


@inlined
def join(t: Int, p: Int) -> None:
    """Remember a first fragment's ports, or give them to a later one."""
    datagram = datagram_of(t, p)
    entry = t.fragments[np.int64(datagram & np.uint64(len(t.fragments) - 1))]
    if p.fragment == FIRST_FRAGMENT:
        entry.datagram = datagram
        entry.time_ns = p.time_ns
        entry.src_port = p.src_port
        entry.dst_port = p.dst_port
        entry.proto = p.proto
        entry.icmp = p.icmp
    elif entry.datagram == datagram and abs(p.time_ns - entry.time_ns) < REASSEMBLY_NS:
        p.src_port = entry.src_port
        p.dst_port = entry.dst_port
        p.proto = entry.proto
        p.icmp = entry.icmp


@inlined
def datagram_of(t: Int, p: Int) -> Int:
    """64-bit hash of what RFC 791 and RFC 8200 join fragments by."""
    h = mixed(np.uint64(t.words[SEED]), np.uint64(p.fragment_id))
    h = mixed(mixed(h, p.src_tail), p.dst_tail)
    if p.ip_version == 6:
        return mixed(mixed(h, p.src_head), p.dst_head)
    return mixed(h, np.uint64(p.proto))
