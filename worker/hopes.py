"""Kernel: segments in a slab that may begin a message, with their times and what they acknowledged (step 5).

A hope is a place in the slab, counted from its first octet. Should a gap stay, reading goes on at the first hope
behind it; and a message that begins at a hope is as old as that segment, not as the one that completed the slab.
"""

import numpy as np

from worker.jit import called, inlined
from worker.layout import SLAB_BYTES
from worker.octets import Int
from worker.rows import HOPES
from worker.tcp import WORD

NO_HOPE = -1


@called
def first_hope(holder: Int, place: Int) -> Int:
    """Number of the first hope at a place or behind it, or NO_HOPE."""
    best = np.int64(NO_HOPE)
    for i in range(HOPES):
        at = np.int64(holder.hope_at[i])
        if at > 0 and at >= place and (best == NO_HOPE or at < np.int64(holder.hope_at[best])):
            best = np.int64(i)
    return best


@called
def note_hope(t: Int, slab: Int, p: Int, place: Int) -> None:
    """A segment `place` octets behind the head may begin a message; without room the furthest hope gives way."""
    holder, chosen = t.slabs[slab], np.int64(0)
    place += np.int64(holder.skip)
    for i in range(HOPES):
        at, furthest = np.int64(holder.hope_at[i]), np.int64(holder.hope_at[chosen])
        if at == place:
            return
        if furthest > 0 and (at == 0 or at > furthest):
            chosen = np.int64(i)
    if place >= SLAB_BYTES or 0 < holder.hope_at[chosen] < place:
        return
    holder.hope_at[chosen] = place
    holder.hope_ns[chosen] = p.time_ns
    holder.hope_heard[chosen] = p.acknowledged & WORD


@inlined
def move_hopes(holder: Int, octets: Int) -> None:
    """The slab's first octets are gone."""
    for i in range(HOPES):
        holder.hope_at[i] = max(np.int64(holder.hope_at[i]) - octets, 0)


@inlined
def forget_hopes(holder: Int) -> None:
    """Another message is gathered here."""
    for i in range(HOPES):
        holder.hope_at[i] = 0
