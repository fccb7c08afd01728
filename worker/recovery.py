"""First use of a flow table, and repair of one whose worker died: rows are kept, the rest is made again from them."""

import os
from typing import Any

import numpy as np
from numba import types

from shared.counters import drop_counter
from shared.reasons import Drop
from shared.vitals import INDEX
from worker.biflow import HIGH, LOW, hash_of_row
from worker.hot_row import side_at
from worker.jit import kernel
from worker.layout import NEVER, TABLE_TYPE, Table
from worker.report import settle
from worker.rows import COLD, HOT, PENDING, USED
from worker.table import BUCKETS_AT_FIRST, INDEX_MASK, enter, look_at

LAYOUT = HOT.itemsize << 32 | COLD.itemsize
HEAD, REPORT_PENDING, HIGH_WATER = INDEX["head"], INDEX["report_pending"], INDEX["high_water"]
FREE_ROWS, FLOWS_ACTIVE, SWEPT_TICK = INDEX["free_rows"], INDEX["flows_active"], INDEX["swept_tick"]


def adopt(t: Table) -> bool:
    """Make the table ready: a new one is set up, a dead worker's is repaired. True when it was repaired."""
    words = t.words
    used = words[INDEX["layout"]] == LAYOUT
    if used:
        repair(t)
    else:
        words[INDEX["seed"]] = int.from_bytes(os.urandom(8), "little", signed=True)
        words[INDEX_MASK] = min(BUCKETS_AT_FIRST, len(t.index)) - 1
        words[INDEX["layout"]] = LAYOUT
    words[INDEX["table_capacity"]] = len(t.flows)
    words[INDEX["letters"]] = 0  # a dead worker's went with it
    words[INDEX["pid"]] = os.getpid()
    return bool(used)


def forget_time(t: Table) -> None:
    """A fresh clock and no fragments, for the next capture file. The table must be empty."""
    for name in ("now_ns", "base_ns", "swept_tick", "hand"):
        t.words[INDEX[name]] = 0
    t.fragments.view(np.uint8).fill(0)  # a twentieth of the time that assigning an empty row takes


def repair(t: Table) -> None:
    """Settle a record that was being written, count the packet in hand as uncertain, rebuild index and free rows."""
    words = t.words
    t.index[: words[INDEX_MASK] + 1] = 0
    rebuild(t)
    if words[INDEX["in_hand"]] != words[INDEX["cursor_offset"]]:
        words[INDEX["packets_uncertain"]] += 1
        words[INDEX["cursor_offset"]] = words[INDEX["in_hand"]]
    told = ["packets_accounted", "packets_uncertain", *(drop_counter(reason) for reason in Drop if reason)]
    words[INDEX["packets_received"]] = sum(int(words[INDEX[name]]) for name in told)


@kernel(types.void(TABLE_TYPE))
def rebuild(t: Any) -> None:
    """Index, free stack and count of flows from the rows; the index must be zero."""
    pending = t.words[REPORT_PENDING]
    if pending != 0:
        row = (pending & 0xFFFFFFFF) - 1
        if (t.words[HEAD] & 0xFFFFFFFF) == pending >> 32 & 0xFFFFFFFF:
            settle(t, row)
        t.words[REPORT_PENDING] = 0
    t.words[FREE_ROWS] = 0
    t.words[FLOWS_ACTIVE] = 0
    t.words[HIGH_WATER] = min(t.words[HIGH_WATER], len(t.flows))
    for row in range(t.words[HIGH_WATER]):
        flow = t.flows[row]
        if flow.state & USED:
            enter(t, row, hash_of_row(t, row))
            t.words[FLOWS_ACTIVE] += 1
            if t.sides[side_at(row, LOW)].packets or t.sides[side_at(row, HIGH)].packets:
                flow.state |= PENDING
            if t.due[row] == NEVER:
                look_at(t, row, t.words[SWEPT_TICK] + 1)
        else:
            look_at(t, row, NEVER)
            t.free[t.words[FREE_ROWS]] = row
            t.words[FREE_ROWS] += 1
