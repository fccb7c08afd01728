"""Kernel: heads that come in several segments, gathered in a fixed number of slabs of 8 KiB (step 5).

A newcomer takes the slab that was opened longest ago. A slab holds octets from TRACK.head on without a gap, and one
island behind the gap that a late segment will fill.
"""

import numpy as np

from shared.vitals import INDEX
from worker.jit import called, inlined
from worker.layout import SLAB_BYTES
from worker.octets import Int, Octets

SLAB_HAND = INDEX["slab_hand"]
NO_SLAB = -1


@inlined
def owner_of(row: Int, side: Int) -> Int:
    """What a slab knows its owner by."""
    return 2 * row + side + 1


@inlined
def slab_of(t: Int, row: Int, side: Int) -> Int:
    """The slab a direction gathers in, unless another has taken it; or NO_SLAB."""
    slab = np.int64(t.tracks[row, side].slab) - 1
    if slab >= 0 and np.int64(t.slabs[slab].owner) != owner_of(row, side):
        t.tracks[row, side].slab = 0
        return NO_SLAB
    return slab


@called
def open_slab(t: Int, row: Int, side: Int, time_ns: Int) -> Int:
    """An empty slab; `time_ns` is that of the message's first octets."""
    slab = t.words[SLAB_HAND] % len(t.slabs)
    t.words[SLAB_HAND] = slab + 1
    holder = t.slabs[slab]
    holder.owner = owner_of(row, side)
    holder.time_ns = time_ns
    holder.have = 0
    holder.island = 0
    holder.island_end = 0
    t.tracks[row, side].slab = slab + 1
    return slab


@called
def drop_slab(t: Int, row: Int, side: Int) -> None:
    """What was gathered has been read, or never will be."""
    slab = slab_of(t, row, side)
    if slab >= 0:
        t.slabs[slab].owner = 0
    t.tracks[row, side].slab = 0


@called
def add_to_slab(t: Int, slab: Int, place: Int, buf: Octets, at: Int, end: Int) -> Int:
    """Put buf[at:end] at `place` octets behind the head (it may begin before); octets the slab has grown by."""
    holder = t.slabs[slab]
    if place < 0:
        at -= place
        place = np.int64(0)
    stop = min(place + end - at, SLAB_BYTES)
    had, island, island_end = np.int64(holder.have), np.int64(holder.island), np.int64(holder.island_end)
    is_apart = place > had and island_end > 0 and (place > island_end or stop < island)
    if stop <= place or is_apart:
        return np.int64(0)  # outside, or a second gap
    base = slab * SLAB_BYTES
    for i in range(place, stop):
        t.slab_bytes[base + i] = buf[at + i - place]
    if place > had:
        holder.island = min(island, place) if island_end > 0 else place
        holder.island_end = max(island_end, stop)
        return np.int64(0)
    have = max(had, stop)
    if island_end > 0 and have >= island:
        have = max(have, island_end)
        holder.island_end = 0
    holder.have = have
    return have - had
