"""Kernel: HTTP/1.x requests and the responses to them, in order (RFC 9112 section 9.3), bodies passed over (step 5)."""

import numpy as np

from worker.asked import NOBODY
from worker.decoders.cells import clear
from worker.decoders.http import (
    CONNECT,
    HEAD,
    looks_like_response,
    read_request,
    read_response,
)
from worker.decoders.http_body import CHUNKED, UNTIL_CLOSE, read_chunk
from worker.dialogs.questions import ask_next, forget_questions, is_waiting, take_oldest
from worker.jit import called, inlined
from worker.octets import Int, Octets
from worker.report import tell
from worker.rows import DECODER_UNKNOWN, PHASE_CHUNKS, PHASE_HEADS, PHASE_OFF, PHASE_SEEK
from worker.tcp import WORD, microseconds

MORE, NOT = 0, -1
SWITCHING, CONTINUE_MOST, OK, OK_MOST = 101, 199, 200, 299
BODY_MOST = 1 << 30  # behind a longer one sequence numbers have turned round


@called
def hear_http(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, time_ns: Int) -> Int:
    """A head or a chunk at `at`: how far behind it the next begins, MORE or NOT."""
    own, x = t.tracks[row, p.high], t.exchange[0]
    if own.phase == PHASE_CHUNKS:
        octets, is_last = read_chunk(data, at, end)
        if is_last:
            own.phase = PHASE_HEADS
        return NOT if octets == MORE and cut else octets
    clear(x)
    if looks_like_response(data, at, end):
        octets = read_response(data, at, end, x, t.out, cut)
        body = answered(t, row, p, x, time_ns) if octets > 0 else np.int64(0)
    else:
        octets = read_request(data, at, end, x, t.out, cut)
        body = x.body
        if octets > 0:
            ask_next(t, row, p, x, time_ns)
    return octets + pass_body(own, body) if octets > 0 else octets


@inlined
def pass_body(own: Int, body: Int) -> Int:
    """Octets to pass over, or another way to find the next head."""
    if 0 <= body <= BODY_MOST:
        return body
    own.phase = PHASE_CHUNKS if body == CHUNKED else PHASE_OFF if body == UNTIL_CLOSE else PHASE_SEEK
    return np.int64(0)


@called
def answered(t: Int, row: Int, p: Int, x: Int, time_ns: Int) -> Int:
    """A response: the record of its exchange, unless it is interim or its request was not seen; its body."""
    status, body = x.numbers[0], x.body
    if (status <= CONTINUE_MOST and status != SWITCHING) or not is_waiting(t, row):
        return body
    question = take_oldest(t, row, p)
    method = np.int64(t.asked[question].kind) if question != NOBODY else np.int64(0)
    if question != NOBODY and t.asked[question].body and not is_waiting(t, row):
        await_body(t, row, p, question, time_ns)
    tell(t, row, x, question, time_ns)
    if method & HEAD:
        body = np.int64(0)
    if status == SWITCHING:
        t.tracks[row, 0].phase = PHASE_OFF
        t.tracks[row, 1].phase = PHASE_OFF
    elif method & CONNECT and OK <= status <= OK_MOST:
        begin_anew(t, row)
        body = np.int64(0)
    return body


@inlined
def await_body(t: Int, row: Int, p: Int, question: Int, time_ns: Int) -> None:
    """The application's time begins with the last octet of the request."""
    progress_us = np.int64(t.tracks[row, 1 - p.high].progress_us)
    ago_ns = ((microseconds(time_ns) - progress_us) & WORD) * 1000
    t.asked[question].time_ns = max(t.asked[question].time_ns, time_ns - ago_ns)


@inlined
def begin_anew(t: Int, row: Int) -> None:
    """A tunnel: what follows is another protocol's."""
    forget_questions(t, row)
    t.flows[row].decoder = DECODER_UNKNOWN
    for side in range(2):
        t.tracks[row, side].phase = PHASE_SEEK
