"""Kernel: whether a packet's flow is one of those that are kept (between steps 3 and 4; shared/sampling.py).

The filter program of a ring has refused most others in the kernel already (supervisor/sample_program.py); here the
same hash decides what that program let pass: fragments, tags, tunnels, extension headers, capture files.
"""

import numpy as np

from shared.sampling import MULTIPLIERS, SHIFTS
from worker.jit import inlined
from worker.octets import LITTLE, Int, swap64

WORD = np.uint64(0xFFFF_FFFF)
HALF = np.uint64(32)
FIRST_SHIFT, SECOND_SHIFT, THIRD_SHIFT = (np.uint64(shift) for shift in SHIFTS)
FIRST_MULTIPLIER, SECOND_MULTIPLIER = (np.uint64(multiplier) for multiplier in MULTIPLIERS)


@inlined
def is_sampled(t: Int, p: Int) -> bool:
    """Both directions alike, and all fragments of a datagram once they have its ports."""
    six = p.ip_version == 6
    proto = np.uint64(p.proto) << np.uint64(16)
    src = end_of(t.end_key, p.src_head, p.src_tail, proto | np.uint64(p.src_port), six)
    dst = end_of(t.end_key, p.dst_head, p.dst_tail, proto | np.uint64(p.dst_port), six)
    both = ((src + dst) & WORD) ^ np.uint64(t.pair_key)
    return mixed_word(both) < np.uint64(t.sample_below)  # type: ignore[no-any-return]


@inlined
def end_of(key: Int, head: Int, tail: Int, port: Int, six: bool) -> Int:
    """Hash of one end: its address, then protocol and port."""
    h = np.uint64(key)
    low = network64(tail)
    if six:
        high = network64(head)
        h = mixed_word(h ^ (high >> HALF))
        h = mixed_word(h ^ (high & WORD))
        h = mixed_word(h ^ (low >> HALF))
    h = mixed_word(h ^ (low & WORD))
    return mixed_word(h ^ port)


@inlined
def mixed_word(h: Int) -> Int:
    """32 bits to 32 bits, each bit of the result hanging on all of `h`."""
    h = ((h ^ (h >> FIRST_SHIFT)) * FIRST_MULTIPLIER) & WORD
    h = ((h ^ (h >> SECOND_SHIFT)) * SECOND_MULTIPLIER) & WORD
    return h ^ (h >> THIRD_SHIFT)


@inlined
def network64(word: Int) -> Int:
    """Eight octets in memory order as the number they are on the wire."""
    return swap64(word) if LITTLE else word
