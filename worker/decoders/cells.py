"""The exchange a decoder fills: number cells, text cells, and how they are written (kernel).

Which field of the record each cell is, is said once, in shared/elements.py. A decoder is a pure function of
(buf, at, end): it fills `x`, one EXCHANGE, and appends its texts to `out` in the order of their cells.
"""

import numpy as np

from worker.jit import inlined
from worker.octets import Int, Octets

NUMBERS, TEXTS = 6, 5
ABSENT = -1
TEXT_MOST = 4096  # bytes of one text
OUT_BYTES = 16384  # of all texts of an exchange
EXCHANGE = np.dtype(
    [
        ("packed", "i8"),  # not cleared: DNS answers are told as addresses with their TTL, not as text
        (
            "numbers",
            "i8",
            (NUMBERS,),
        ),  # ABSENT or 0 to 2^32 - 2; an IPv4 address to 2^32 - 1, and 0 where it is absent
        ("lengths", "i8", (TEXTS,)),  # bytes of each text in `out`, or ABSENT
        ("used", "i8"),  # bytes used in `out`
        ("ident", "i8"),  # what joins an answer to its question, where the protocol has it
        ("body", "i8"),  # octets behind the head, or what the decoder names instead
        ("kind", "i8"),  # what sort of message it is, in the decoder's words
    ],
    align=True,
)


@inlined
def clear(x: Int) -> None:
    """Nothing known yet."""
    for cell in range(NUMBERS):
        x.numbers[cell] = ABSENT
    for cell in range(TEXTS):
        x.lengths[cell] = ABSENT
    x.used = 0
    x.ident = 0
    x.body = 0
    x.kind = 0


@inlined
def put(out: Octets, x: Int, octet: Int) -> None:
    """Append one byte to the text being written."""
    if x.used < len(out):
        out[x.used] = np.uint8(octet)
        x.used += 1


@inlined
def end_text(x: Int, cell: Int, start: Int) -> None:
    """The text of `cell` is what was put since x.used was `start`, cut to TEXT_MOST."""
    x.used = min(x.used, start + TEXT_MOST)
    x.lengths[cell] = x.used - start


@inlined
def copy_text(out: Octets, x: Int, cell: Int, buf: Octets, at: Int, end: Int) -> None:
    """The text of `cell` is buf[at:end]."""
    start = np.int64(x.used)
    octets = max(min(end - at, TEXT_MOST, len(out) - start), 0)
    for i in range(octets):
        out[start + i] = buf[at + i]
    x.used = start + octets
    end_text(x, cell, start)
