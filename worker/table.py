"""Kernel: find, insert, remove and evict rows of the flow table (step 5).

The index is open addressing with linear probing and backward-shift deletion; it doubles when half full, so that few
flows have theirs near the processor; rows never move. The rows are the truth: the index, the free stack and `due` are
made again from them after a kill.
"""

import numpy as np

from shared.elements import NO_U32
from shared.reasons import EndReason
from shared.vitals import INDEX
from worker.biflow import hash_of_row, key_of_row, source_is_initiator
from worker.decode_link import IN, OUT
from worker.hot_row import side_at, track_at
from worker.jit import called, inlined
from worker.jit_memory import commit
from worker.layout import NEVER
from worker.octets import Int
from worker.report import MAC_BITS, report, settle
from worker.rows import DECODER_OFF, USED, VERSION6

HIGH_WATER, FREE_ROWS, EVICTION_HAND = (INDEX[n] for n in ("high_water", "free_rows", "eviction_hand"))
INDEX_MASK = INDEX["index_mask"]
FLOWS_CREATED, FLOWS_EVICTED, FLOWS_ACTIVE = (
    INDEX[n] for n in ("flows_created", "flows_evicted", "flows_active")
)
LACK_OF_RESOURCES = int(EndReason.LACK_OF_RESOURCES)
EVICTION_WINDOW, EVICTION_WINDOWS = 64, 8
HASH_BITS, HASH = 32, 0xFFFFFFFF  # an entry of the index: row + 1 above the hash
BUCKETS_AT_FIRST = 1 << 15
BUCKETS_DOUBLED = 1 << 19  # from here on all at once: to go over more rows takes longer than a ring lasts


@inlined
def find(t: Int, p: Int) -> Int:
    """Row of the packet's flow, or -1."""
    mask = t.words[INDEX_MASK]
    bucket = p.hash & mask
    while t.index[bucket] != 0:
        if t.index[bucket] & HASH == p.hash:
            row = row_of(t.index[bucket])
            if is_row_of(t, row, p):
                return row
        bucket = (bucket + 1) & mask
    return -1


@inlined
def guess(t: Int, h: Int) -> Int:
    """Row of the first entry with this hash, most likely the flow's, or -1; a stale hash does no harm."""
    mask = t.words[INDEX_MASK]
    bucket = h & mask
    while t.index[bucket] != 0 and t.index[bucket] & HASH != h:
        bucket = (bucket + 1) & mask
    return row_of(t.index[bucket])


@inlined
def row_of(entry: Int) -> Int:
    """The row of an entry of the index, -1 of a free one."""
    return (entry >> HASH_BITS) - 1


@inlined
def is_row_of(t: Int, row: Int, p: Int) -> Int:
    """Whether the row is in use by the packet's flow key."""
    flow = t.flows[row]
    if key_of_row(flow) != p.key or flow.state & (USED | VERSION6) != used_state(p):
        return False
    ends = flow.low_tail == p.low_tail and flow.high_tail == p.high_tail
    return ends and flow.low_head == p.low_head and flow.high_head == p.high_head


@inlined
def used_state(p: Int) -> Int:
    """The state bits that belong to the key."""
    return USED | VERSION6 if p.ip_version == 6 else USED


@called
def insert(t: Int, p: Int) -> Int:
    """A row for a new flow: a free one, or the one that can best be spared."""
    if 2 * t.words[FLOWS_ACTIVE] > t.words[INDEX_MASK] and t.words[INDEX_MASK] + 1 < len(t.index):
        widen_index(t)
    row = take_free(t)
    if row < 0:
        row = spared(t)
        report(t, row, LACK_OF_RESOURCES)
        remove(t, row)
        t.words[FLOWS_EVICTED] += 1
        row = take_free(t)
    flow = t.flows[row]
    flow.low_head, flow.low_tail = p.low_head, p.low_tail
    flow.high_head, flow.high_tail = p.high_head, p.high_tail
    flow.ports = p.key >> np.uint64(8)
    flow.proto = p.proto
    begin(t, row, p)
    flow.state = used_state(p)
    enter(t, row, p.hash)
    t.words[FLOWS_CREATED] += 1
    t.words[FLOWS_ACTIVE] += 1
    return row


@inlined
def begin(t: Int, row: Int, p: Int) -> None:
    """What a flow's first packet settles for its life."""
    flow, cold = t.flows[row], t.cold[row]
    forward = source_is_initiator(p, t.services)
    flow.initiator = p.high if forward else 1 - p.high
    cold.direction = p.direction if forward or p.direction == 0 else IN + OUT - p.direction
    cold.low_link = (p.dst_mac if p.high else p.src_mac) | np.uint64(p.vlan) << MAC_BITS
    cold.high_link = (p.src_mac if p.high else p.dst_mac) | np.uint64(p.inner_vlan) << MAC_BITS
    cold.mpls_label = p.mpls_label if p.mpls_label >= 0 else NO_U32
    cold.icmp = p.icmp
    cold.asked = cold.answered = np.uint16(0)
    flow.decoder = DECODER_OFF
    cold.client_us = cold.server_us = cold.fpex_us = np.uint32(NO_U32)
    for side in range(2):
        t.sides[side_at(row, side)].lifetime = np.uint32(0)
        t.sides[side_at(row, side)].mss = 0
        t.tracks[track_at(row, side)].marks = 0
        t.tracks[track_at(row, side)].phase = 0
        t.tracks[track_at(row, side)].slab = 0
    settle(t, row)


@inlined
def take_free(t: Int) -> Int:
    """A row nobody uses, or -1."""
    free = t.words[FREE_ROWS]
    if free > 0:
        t.words[FREE_ROWS] = free - 1
        return np.int64(t.free[free - 1])
    row = t.words[HIGH_WATER]
    if row < len(t.flows):
        t.words[HIGH_WATER] = row + 1
        return row
    return -1


@inlined
def spared(t: Int) -> Int:
    """The row to evict: of a window, one-packet flows first, then the longest silent; then the same elsewhere.

    A flood of one-packet flows so pushes out itself. Where a window holds none, another part of the table is tried:
    living flows that came together lie together.
    """
    rows = len(t.flows)
    best, best_score = np.int64(0), np.int64(-1)
    newest = np.int64(0xFFFFFFFF)
    for _ in range(EVICTION_WINDOWS):
        hand = t.words[EVICTION_HAND] % rows
        for step in range(min(EVICTION_WINDOW, rows)):
            row = (hand + step) % rows
            lonely = (
                np.int64(t.sides[side_at(row, 0)].lifetime) + np.int64(t.sides[side_at(row, 1)].lifetime) <= 1
            )
            score = newest - np.int64(t.flows[row].seen)
            if lonely:
                score += newest + 1
            if score > best_score:
                best, best_score = row, score
        t.words[EVICTION_HAND] = hand + EVICTION_WINDOW
        if best_score > newest:
            return best
        t.words[EVICTION_HAND] += rows * 5 // 8
    return best


@inlined
def widen_index(t: Int) -> None:
    """An index of twice as many places; those beyond the former ones have never been used."""
    places = t.words[INDEX_MASK] + 1
    t.index[:places] = 0
    t.words[INDEX_MASK] = (2 * places if places < BUCKETS_DOUBLED else len(t.index)) - 1
    for row in range(t.words[HIGH_WATER]):
        if t.flows[row].state & USED:
            enter(t, row, hash_of_row(t, row))


@inlined
def enter(t: Int, row: Int, h: Int) -> None:
    """Put a row into the index."""
    mask = t.words[INDEX_MASK]
    bucket = h & mask
    while t.index[bucket] != 0:
        bucket = (bucket + 1) & mask
    t.index[bucket] = (row + 1) << HASH_BITS | h


@inlined
def remove(t: Int, row: Int) -> None:
    """Take a row out: unused first, so that a kill leaves at worst an index entry that nobody believes."""
    commit(t.words, FLOWS_ACTIVE, t.words[FLOWS_ACTIVE] - 1)
    h = hash_of_row(t, row)
    t.flows[row].state = 0
    look_at(t, row, NEVER)
    leave(t, row, h)
    t.free[t.words[FREE_ROWS]] = row
    t.words[FREE_ROWS] += 1


@inlined
def look_at(t: Int, row: Int, tick: Int) -> None:
    """When to look at the row next: among all others, for the sweep, and with the flow, for its own packets."""
    t.due[row] = tick
    t.flows[row].due = tick


@inlined
def leave(t: Int, row: Int, h: Int) -> None:
    """Delete the row's index entry and shift back what probed past it (Knuth 6.4 algorithm R)."""
    mask = t.words[INDEX_MASK]
    hole = h & mask
    while row_of(t.index[hole]) != row:
        hole = (hole + 1) & mask
    at = hole
    while True:
        at = (at + 1) & mask
        if t.index[at] == 0:
            break
        home = t.index[at] & mask
        if (at - home) & mask >= (at - hole) & mask:
            t.index[hole] = t.index[at]
            hole = at
    t.index[hole] = 0
