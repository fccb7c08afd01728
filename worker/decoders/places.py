"""Texts whose places in the message are found in any order, written in the order of their cells (kernel).

Until write_texts, the cell of a text holds its place: how far behind `base` << 32 | octets.
"""

import numpy as np

from worker.decoders.cells import ABSENT, TEXT_MOST, TEXTS
from worker.jit import called, inlined
from worker.octets import Int, Octets, octet

LF, CR = 10, 13


@inlined
def note_place(x: Int, cell: Int, base: Int, at: Int, end: Int) -> None:
    """The text of `cell` is buf[at:end]."""
    x.lengths[cell] = (at - base) << 32 | (end - at)


@inlined
def note_first(x: Int, cell: Int, base: Int, at: Int, end: Int) -> None:
    """Of what is given twice the first one counts."""
    if x.lengths[cell] == ABSENT:
        note_place(x, cell, base, at, end)


@called
def write_texts(buf: Octets, base: Int, x: Int, out: Octets) -> None:
    """Places become texts; line ends within them, as in a folded header field, are left out."""
    size = x.used
    for cell in range(TEXTS):
        place = x.lengths[cell]
        if place == ABSENT:
            continue
        at = base + (place >> 32)
        start = size
        limit = min(len(out), start + TEXT_MOST)
        for i in range(at, at + (place & 0xFFFFFFFF)):
            one = octet(buf, i)
            if one not in (CR, LF) and size < limit:
                out[np.uint64(size)] = np.uint8(one)
                size += 1
        x.lengths[cell] = size - start
    x.used = size


@inlined
def forget_texts(x: Int) -> None:
    """No places are left in the cells."""
    for cell in range(TEXTS):
        x.lengths[cell] = ABSENT
