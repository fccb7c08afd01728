"""Kernel: which rows are reported or end now, and for what reason (step 6).

A row is looked at when its `due` tick has come: by its own next packet, so that records do not depend on how
packets are cut into blocks, or by the sweep, a slice of the table at a time so that it never stalls capture.
"""

import numpy as np
from numba import types

from shared.reasons import EndReason
from shared.record import ROW
from shared.vitals import INDEX
from worker.biflow import hash_of_row
from worker.jit import called, inlined, kernel
from worker.jit_memory import prefetch
from worker.layout import TABLE_TYPE
from worker.octets import Int
from worker.report import report
from worker.rows import FIN_HIGH, FIN_LOW, HOT, PENDING, RESET, USED
from worker.table import INDEX_MASK, look_at, remove

HEAD, TAIL, HIGH_WATER = INDEX["head"], INDEX["tail"], INDEX["high_water"]
HAND, SWEPT_TICK, FREE_ROWS = (INDEX[n] for n in ("hand", "swept_tick", "free_rows"))
IDLE_TIMEOUT, ACTIVE_TIMEOUT = int(EndReason.IDLE_TIMEOUT), int(EndReason.ACTIVE_TIMEOUT)
END_OF_FLOW, FORCED_END = int(EndReason.END_OF_FLOW), int(EndReason.FORCED_END)
PASS_TICKS = 60  # the sweep goes round about once a second
HOT_BYTES, ROW_BYTES = HOT.itemsize, ROW.itemsize
STRIDE_ROWS = 512  # how far the sweep looks ahead


@inlined
def is_closed(state: Int) -> Int:
    """A reset or both FINs were seen."""
    return (state & RESET) != 0 or (state & (FIN_LOW | FIN_HIGH)) == (FIN_LOW | FIN_HIGH)


@inlined
def ends(t: Int, row: Int, tick: Int) -> Int:
    """Whether a row that is due leaves the table."""
    flow = t.flows[row]
    return is_closed(flow.state) or tick - np.int64(flow.seen) >= t.forget


@called
def visit(t: Int, row: Int, tick: Int) -> bool:
    """Look at a row that is due; False when it has left the table."""
    flow = t.flows[row]
    if ends(t, row, tick):
        return end(t, row, END_OF_FLOW if is_closed(flow.state) else IDLE_TIMEOUT)
    if tick - np.int64(flow.seen) >= t.idle:
        report(t, row, IDLE_TIMEOUT)
    active_at = np.int64(t.cold[row].active_at)
    if tick >= active_at:
        report(t, row, ACTIVE_TIMEOUT)
        active_at += t.active * ((tick - active_at) // t.active + 1)
        t.cold[row].active_at = active_at
    next_silence = t.idle if flow.state & PENDING else t.forget
    look_at(t, row, min(active_at, np.int64(flow.seen) + next_silence))
    return True


@inlined
def end(t: Int, row: Int, reason: Int) -> bool:
    """Report the row and take it out."""
    report(t, row, reason)
    remove(t, row)
    return False


@inlined
def first_look(t: Int, row: Int, tick: Int, h: Int) -> None:
    """First report a random part of the active timeout ahead, so that flows born together part (kprobe's way)."""
    active_at = tick + 1 + ((h * t.active) >> 32)
    t.cold[row].active_at = active_at
    look_at(t, row, min(active_at, tick + t.idle))


@inlined
def is_any_due(t: Int, start: Int, end: Int, tick: Int) -> Int:
    """Whether one of the rows [start, end) is due: most often none, which vector instructions tell."""
    now, due = np.uint32(tick), np.uint32(0)
    for row in range(start, end):
        due += np.uint32(t.due[row] <= now)
    return due > 0


@inlined
def expect(t: Int, start: Int, end: Int, tick: Int) -> None:
    """Have the due rows of [start, end) come, the records they make, and then the index entries of those that end."""
    place = t.words[HEAD]
    for row in range(start, end):
        if t.due[row] <= tick:
            prefetch(t.flows, row, HOT_BYTES)
            prefetch(t.cold, row)
            prefetch(t.outbox, place % len(t.outbox), ROW_BYTES)
            place += 1
    for row in range(start, end):
        if t.due[row] <= tick and ends(t, row, tick):
            prefetch(t.index, hash_of_row(t, row) & t.words[INDEX_MASK])


@kernel(types.int64(TABLE_TYPE, types.int64, types.int64))
def sweep(t: Int, tick: Int, room: Int) -> Int:
    """Look at the slice of rows whose turn it is; stop when `room` records were written. Returns records written."""
    rows = t.words[HIGH_WATER]
    elapsed = tick - t.words[SWEPT_TICK]
    if elapsed <= 0 or rows == 0:
        return 0
    start = t.words[HEAD]
    left = min(rows, max(STRIDE_ROWS, rows * elapsed // PASS_TICKS))
    row = t.words[HAND] % rows
    while left > 0 and t.words[HEAD] - start < room:
        end = min(row + STRIDE_ROWS, rows, row + room - (t.words[HEAD] - start))
        if is_any_due(t, row, end, tick):
            expect(t, row, end, tick)
            for due in range(row, end):
                if t.due[due] <= tick:
                    visit(t, due, tick)
        left -= end - row
        row = end if end < rows else 0
    t.words[HAND] = row
    if left <= 0:
        t.words[SWEPT_TICK] = tick
    return t.words[HEAD] - start


@kernel(types.int64(TABLE_TYPE, types.int64))
def end_all(t: Int, room: Int) -> Int:
    """Capture is over: report every flow and empty the table, `room` records at most. Returns rows still in it."""
    start = t.words[HEAD]
    row = t.words[HIGH_WATER] - 1
    while row >= 0 and t.words[HEAD] - start < room:
        state = t.flows[row].state
        if state & USED:
            report(t, row, END_OF_FLOW if is_closed(state) else FORCED_END)
            remove(t, row)
        t.words[HIGH_WATER] = row
        row -= 1
    if row < 0:
        t.words[FREE_ROWS] = 0
    return row + 1
