"""The hot rows as four arrays over the same memory, so that kernels know every stride (step 5).

FLOW stands once in a row; of SIDEs, TRACKs and LOSSes a row has places for eight, each kind in its own two.
"""

from typing import Any

import numpy as np

from worker.jit import inlined
from worker.octets import Int
from worker.rows import FLOW, HOT, LOSS, SIDE, TRACK

FLOW_OF_ROW = np.dtype([*FLOW.descr, ("rest", "u1", (HOT.itemsize - FLOW.itemsize,))])
PLACES = HOT.itemsize // SIDE.itemsize
SIDES, TRACKS, LOSSES = (FLOW.itemsize // SIDE.itemsize + 2 * kind for kind in range(3))


def hot_parts(hot: Any) -> dict[str, Any]:
    """The arrays of a Table over its hot rows, an array of HOT."""
    flat = hot.view(np.uint8)
    parts = {"sides": SIDE, "tracks": TRACK, "losses": LOSS}
    return {"flows": flat.view(FLOW_OF_ROW)} | {name: flat.view(dtype) for name, dtype in parts.items()}


@inlined
def side_at(row: Int, end: Int) -> Int:
    """Index into Table.sides; `end` is 0 for low, 1 for high."""
    return row * PLACES + (SIDES + end)


@inlined
def track_at(row: Int, end: Int) -> Int:
    """Index into Table.tracks."""
    return row * PLACES + (TRACKS + end)


@inlined
def loss_at(row: Int, end: Int) -> Int:
    """Index into Table.losses."""
    return row * PLACES + (LOSSES + end)
