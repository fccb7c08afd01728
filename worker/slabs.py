"""Kernel: heads that come in several segments, gathered in a fixed number of slabs of 8 KiB (step 5).

A newcomer takes the slab that was opened longest ago. A slab holds `skip` octets already read, then those from
TRACK.head on without a gap up to `have`, and one island behind the gap that a late segment will fill.
"""

import numpy as np

from shared.vitals import INDEX
from worker.hopes import NO_HOPE, first_hope, forget_hopes, move_hopes
from worker.hot_row import track_at
from worker.jit import called, inlined
from worker.layout import NEVER, SLAB_BYTES
from worker.octets import Int, Octets
from worker.rows import PHASE_OFF, PHASE_SEEK
from worker.tcp import HEAD_KNOWN, MISSED, WORD

SLAB_HAND, MESSAGES_SHED = INDEX["slab_hand"], INDEX["messages_shed"]
NO_SLAB = -1
PATIENCE_NS = 3_000_000_000  # what was sent again has come by then


@inlined
def owner_of(row: Int, side: Int) -> Int:
    """What a slab knows its owner by."""
    return 2 * row + side + 1


@inlined
def slab_of(t: Int, row: Int, side: Int) -> Int:
    """The slab a direction gathers in, or NO_SLAB; if another has taken it, the message it held is lost."""
    slab = np.int64(t.tracks[track_at(row, side)].slab) - 1
    if slab >= 0 and np.int64(t.slabs[slab].owner) != owner_of(row, side):
        t.tracks[track_at(row, side)].slab = 0
        if t.tracks[track_at(row, side)].phase != PHASE_OFF:
            seek(t.tracks[track_at(row, side)])
        return NO_SLAB
    return slab


@inlined
def seek(own: Int) -> None:
    """Nobody knows where this side's next message begins: look at the beginnings of the segments to come."""
    own.phase = PHASE_SEEK
    own.marks = own.marks & (~HEAD_KNOWN & 0xFFFF) | MISSED


@called
def open_slab(t: Int, row: Int, side: Int) -> Int:
    """An empty slab."""
    slab = t.words[SLAB_HAND] % len(t.slabs)
    t.words[SLAB_HAND] += 1
    holder = t.slabs[slab]
    if is_needed(t, slab):
        t.words[MESSAGES_SHED] += 1
    holder.owner = owner_of(row, side)
    holder.skip = holder.have = 0
    holder.island = holder.island_end = 0
    forget_hopes(holder)
    t.tracks[track_at(row, side)].slab = slab + 1
    return slab


@inlined
def is_needed(t: Int, slab: Int) -> bool:
    """Whether a flow that is still there gathers in it."""
    owner = np.int64(t.slabs[slab].owner) - 1
    if owner < 0 or t.due[owner >> 1] == NEVER:
        return False
    return t.tracks[track_at(owner >> 1, owner & 1)].slab == slab + 1  # type: ignore[no-any-return]


@called
def drop_slab(t: Int, row: Int, side: Int) -> None:
    """What was gathered has been read, or never will be. The last one opened is the next to be opened again."""
    slab = slab_of(t, row, side)
    if slab >= 0:
        t.slabs[slab].owner = 0
        if (t.words[SLAB_HAND] - 1) % len(t.slabs) == slab:
            t.words[SLAB_HAND] -= 1
    t.tracks[track_at(row, side)].slab = 0


@inlined
def fits(t: Int, slab: Int, place: Int, octets: Int, time_ns: Int) -> bool:
    """Whether octets at `place` behind the head may wait for what is missing before them: there is but one gap."""
    if slab == NO_SLAB or place >= SLAB_BYTES:
        return place < SLAB_BYTES  # type: ignore[no-any-return]
    holder = t.slabs[slab]
    at, island, island_end = (
        np.int64(holder.skip) + place,
        np.int64(holder.island),
        np.int64(holder.island_end),
    )
    if island_end == 0 or at <= np.int64(holder.have):
        return True
    return island <= at + octets and at <= island_end and time_ns - holder.gap_ns < PATIENCE_NS  # type: ignore[no-any-return]


@called
def add_to_slab(t: Int, slab: Int, p: Int, place: Int, buf: Octets, at: Int, end: Int) -> Int:
    """Put buf[at:end] at `place` octets behind the head (it may begin before); octets the slab has grown by."""
    holder = t.slabs[slab]
    if place < 0:
        at -= place
        place = np.int64(0)
    if np.int64(holder.skip) + place + end - at > SLAB_BYTES:
        close_up(t, slab)
    first, had = np.int64(holder.skip) + place, np.int64(holder.have)
    stop = min(first + end - at, SLAB_BYTES)
    if stop <= first:
        return np.int64(0)
    base = slab * SLAB_BYTES
    for i in range(first, stop):
        t.slab_bytes[base + i] = buf[at + i - first]
    holder.last_ns = p.time_ns
    island, island_end = np.int64(holder.island), np.int64(holder.island_end)
    if first > had:
        if island_end == 0:
            holder.gap_ns = p.time_ns
        holder.island = min(island, first) if island_end > 0 else first
        holder.island_end = max(island_end, stop)
        return np.int64(0)
    if had == np.int64(holder.skip):
        holder.time_ns = p.time_ns
        holder.heard = p.acknowledged & WORD
    have = max(had, stop)
    if island_end > 0 and have >= island:
        have = max(have, island_end)
        forget_island(holder)
    holder.have = have
    return have - had


@inlined
def forget_island(holder: Int) -> None:
    """There is no gap, or nothing behind it."""
    holder.island = holder.island_end = 0


@called
def close_up(t: Int, slab: Int) -> None:
    """Room at the end: what has been read goes."""
    holder = t.slabs[slab]
    skip, base = np.int64(holder.skip), slab * SLAB_BYTES
    if skip == 0:
        return
    for i in range(skip, max(np.int64(holder.have), np.int64(holder.island_end))):
        t.slab_bytes[base + i - skip] = t.slab_bytes[base + i]
    move_hopes(holder, skip)
    holder.skip = 0
    holder.have -= skip
    if holder.island_end > 0:
        holder.island -= skip
        holder.island_end -= skip


@called
def pass_octets(t: Int, row: Int, side: Int, octets: Int) -> None:
    """The head has moved on so far: into what follows, the gap, or behind everything."""
    slab = slab_of(t, row, side)
    if slab == NO_SLAB:
        return
    holder = t.slabs[slab]
    at, island_end = np.int64(holder.skip) + octets, np.int64(holder.island_end)
    if at >= (island_end if island_end > 0 else np.int64(holder.have)):
        drop_slab(t, row, side)
        return
    if island_end > 0 and at >= np.int64(holder.island):
        holder.have = island_end
        forget_island(holder)
    holder.have = max(np.int64(holder.have), at)
    move_to(holder, at, first_hope(holder, at))


@inlined
def move_to(holder: Int, at: Int, hope: Int) -> None:
    """The next message begins at this place: with the segment hoped for there, else at the latest with the last."""
    holder.skip = at
    holder.time_ns = holder.last_ns
    if hope != NO_HOPE and holder.hope_at[hope] == at:
        holder.time_ns = holder.hope_ns[hope]
        holder.heard = holder.hope_heard[hope]


@inlined
def pass_gap(t: Int, slab: Int) -> Int:
    """The gap stays: go on at the first hope behind it; octets from the head to there, 0 where there is none."""
    holder = t.slabs[slab]
    hope = first_hope(holder, np.int64(holder.island)) if holder.island_end > 0 else np.int64(NO_HOPE)
    if hope == NO_HOPE or holder.hope_at[hope] >= holder.island_end:
        return np.int64(0)
    at = np.int64(holder.hope_at[hope])
    octets = at - np.int64(holder.skip)
    move_to(holder, at, hope)
    holder.have = holder.island_end
    forget_island(holder)
    return octets
