"""Bodies of HTTP messages (RFC 9112 sections 6 and 7): how long one is, and chunks, where that shows on the way."""

import numpy as np

from worker.decoders.http_lines import (
    CR,
    LF,
    MORE,
    NOT,
    SPACE,
    TAB,
    end_of_field,
    end_of_text,
    pass_blanks,
    same,
)
from worker.jit import called, inlined
from worker.octets import Int, Octets, octet

CHUNKED, UNTIL_CLOSE, UNKNOWN = -1, -2, -3  # what x.body says when it is no number of octets
UNSAID, INVALID = -4, -5  # while a head is read
LENGTH_DIGITS, SIZE_DIGITS = 18, 15  # decimal and hexadecimal: both stay below 2^62
SEMICOLON, COMMA = 59, 44
WORD_CHUNKED, WORD_IDENTITY = np.frombuffer(b"chunked", np.uint8), np.frombuffer(b"identity", np.uint8)


@inlined
def note_length(buf: Octets, at: Int, end: Int, x: Int) -> None:
    """Content-Length: digits, or the same ones several times (RFC 9110 section 8.6); a coding has the last word."""
    while x.body >= 0 or x.body == UNSAID:
        digits = at
        length = np.int64(0)
        while at < end and 48 <= octet(buf, at) <= 57 and at - digits <= LENGTH_DIGITS:
            length = length * 10 + octet(buf, at) - 48
            at += 1
        known = 0 < at - digits <= LENGTH_DIGITS and x.body in (UNSAID, length)
        x.body = length if known else INVALID
        at = pass_blanks(buf, at, end)
        if at >= end:
            return
        if octet(buf, at) != COMMA:
            x.body = INVALID
        at = pass_blanks(buf, at + 1, end)


@inlined
def note_coding(buf: Octets, at: Int, end: Int, x: Int) -> None:
    """Transfer-Encoding: the last coding frames the body, if it is chunked; `identity` once stood for none."""
    if end - at >= 7 and same(buf, end - 7, WORD_CHUNKED):
        x.body = CHUNKED
    elif end - at < 8 or not same(buf, end - 8, WORD_IDENTITY):
        x.body = UNTIL_CLOSE


@called
def read_chunk(buf: Octets, at: Int, end: Int) -> Int:
    """(octets, last): how far behind `at` the next chunk begins, its data passed by size, captured or not.

    `at` is the end of the head, or where the chunk before ended by this measure: the CRLF behind a chunk's data
    counts to the chunk that follows. With the last chunk its trailers are passed, and the octets are those up to
    the next message. Octets are MORE while the line (or the trailers) is not complete, NOT if it is no chunk.
    """
    i = pass_line_end(buf, at, end)
    digits = i
    size = np.int64(0)
    while i < end and digit(octet(buf, i)) >= 0 and i - digits <= SIZE_DIGITS:
        size = size << 4 | digit(octet(buf, i))
        i += 1
    if i >= end and i - digits <= SIZE_DIGITS:
        return np.int64(MORE), False
    if not 0 < i - digits <= SIZE_DIGITS or octet(buf, i) not in (SPACE, TAB, SEMICOLON, CR, LF):
        return np.int64(NOT), False
    upto = end_of_text(buf, i, end)
    if upto <= 0:
        return upto, False
    if size > 0:
        return upto + size - at, False
    upto = pass_trailers(buf, upto, end)
    return max(upto - at, MORE), upto > 0


@inlined
def pass_line_end(buf: Octets, at: Int, end: Int) -> Int:
    """Behind the CRLF or LF that may stand here; nothing to find where it has not come whole."""
    if at + 1 < end and octet(buf, at) == CR and octet(buf, at + 1) == LF:
        return at + 2
    if at + 1 == end and octet(buf, at) == CR:
        return end
    return at + 1 if at < end and octet(buf, at) == LF else at


@inlined
def digit(one: Int) -> Int:
    """The value of a hexadecimal digit, or -1."""
    if 48 <= one <= 57:
        return one - 48
    letter = one | 0x20
    return letter - 87 if 97 <= letter <= 102 else np.int64(-1)


@inlined
def pass_trailers(buf: Octets, at: Int, end: Int) -> Int:
    """Behind the empty line that ends a chunked body, or MORE."""
    while at < end:
        after = pass_line_end(buf, at, end)
        if after > at:
            return after if octet(buf, after - 1) == LF else np.int64(MORE)
        at = end_of_field(buf, at, end)
        if at == MORE:
            break
    return np.int64(MORE)
