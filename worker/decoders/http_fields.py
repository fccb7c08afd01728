"""Header fields of an HTTP head: where the values kept stand, what they say of the body and the connection."""

import numpy as np

from worker.decoders.http_body import note_coding, note_length
from worker.decoders.http_lines import COLON, CR, LF, MORE, end_of_field, has, pass_space, same, trim
from worker.decoders.places import note_first
from worker.jit import called, inlined
from worker.octets import Int, Octets, octet

URL, HOST, REFERER, AGENT, METHOD = 0, 1, 2, 3, 4  # the cells of the texts
UPGRADE, KEEP_ALIVE, TYPED, CUT = 4, 8, 16, 32  # flags of `kind`; CONNECT 1 and HEAD 2 are the request line's


def _word(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


NAME_HOST, NAME_REFERER, NAME_AGENT = _word(b"host"), _word(b"referer"), _word(b"user-agent")
NAME_LENGTH, NAME_CODING = _word(b"content-length"), _word(b"transfer-encoding")
NAME_UPGRADE, NAME_CONNECTION, NAME_TYPE = _word(b"upgrade"), _word(b"connection"), _word(b"content-type")
WORD_KEEP_ALIVE = _word(b"keep-alive")


@called
def read_fields(buf: Octets, base: Int, at: Int, end: Int, x: Int, cut: Int) -> Int:
    """Walk the fields from `at` on; behind the empty line, or MORE; with `cut`, `end` and the flag CUT."""
    while at < end:
        first = octet(buf, at)
        if first == LF:
            return at + 1
        if first == CR and at + 1 < end and octet(buf, at + 1) == LF:
            return at + 2
        upto = end_of_field(buf, at, end)
        if upto == MORE:
            break
        read_field(buf, base, at, upto, x)
        at = upto
    if cut:
        if at < end:
            read_field(buf, base, at, end, x)
        x.kind |= CUT
        return end
    return np.int64(MORE)


@inlined
def read_field(buf: Octets, base: Int, at: Int, end: Int, x: Int) -> None:
    """One field, folded lines with it: its name's length tells which few it may be."""
    colon = at
    while colon < end and octet(buf, colon) != COLON:
        colon += 1
    size = trim(buf, at, colon) - at
    value = pass_space(buf, min(colon + 1, end), end)
    stop = trim(buf, value, end)
    if size == 4:
        if same(buf, at, NAME_HOST):
            note_first(x, HOST, base, value, stop)
    elif size == 7:
        if same(buf, at, NAME_REFERER):
            note_first(x, REFERER, base, value, stop)
        elif same(buf, at, NAME_UPGRADE):
            x.kind |= UPGRADE
    elif size == 10:
        if same(buf, at, NAME_AGENT):
            note_first(x, AGENT, base, value, stop)
        elif same(buf, at, NAME_CONNECTION) and has(buf, value, stop, WORD_KEEP_ALIVE):
            x.kind |= KEEP_ALIVE
    elif size == 12:
        if same(buf, at, NAME_TYPE):
            x.kind |= TYPED
    elif size == 14:
        if same(buf, at, NAME_LENGTH):
            note_length(buf, value, stop, x)
    elif size == 17 and same(buf, at, NAME_CODING):
        note_coding(buf, value, stop, x)
