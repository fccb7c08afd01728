"""Kernel: HTTP/1.x requests and the responses to them, in order (RFC 9112 section 9.3), bodies passed over (step 5)."""

import numpy as np

from worker.asked import BODY, NOBODY
from worker.decoders.cells import clear
from worker.decoders.http import (
    CONNECT,
    HEAD,
    VERSION_OCTETS,
    looks_like_response,
    read_request,
    read_response,
)
from worker.decoders.http_body import CHUNKED, UNTIL_CLOSE, read_chunk
from worker.decoders.http_lines import pass_empty_lines
from worker.dialogs.questions import (
    ask_next,
    end_of_question,
    forget_questions,
    is_waiting,
    let_go,
    take_oldest,
)
from worker.hot_row import track_at
from worker.jit import called, inlined
from worker.octets import Int, Octets
from worker.report import tell
from worker.rows import DECODER_UNKNOWN, PHASE_CHUNKS, PHASE_HEADS, PHASE_OFF, PHASE_SEEK
from worker.slabs import seek
from worker.tcp import HEAD_KNOWN, MISSED, STARTED

MORE, NOT = 0, -1
STATUS, SWITCHING, CONTINUE_MOST, OK, OK_MOST = 0, 101, 199, 200, 299
BODY_MOST = 1 << 30  # behind a longer one sequence numbers have turned round


@called
def hear_http(
    t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, first_ns: Int, last_ns: Int
) -> Int:
    """A head or a chunk at `at`: how far behind it the next begins, MORE or NOT."""
    own, x = t.tracks[track_at(row, p.high)], t.exchange[0]
    if own.phase == PHASE_CHUNKS:
        return hear_chunk(own, data, at, end, cut)
    start = pass_empty_lines(data, at, end)
    if end - start < VERSION_OCTETS:
        return np.int64(NOT if cut else MORE)
    if looks_like_response(data, start, end):
        clear(x)
        octets = read_response(data, at, end, x, t.out, cut)
        body = answered(t, row, p, x, first_ns) if octets > 0 else np.int64(0)
    else:
        octets = hear_request(t, row, p, data, at, end, cut, last_ns)
        body = x.body
    return octets + pass_body(own, body) if octets > 0 else octets


@inlined
def hear_chunk(own: Int, data: Octets, at: Int, end: Int, cut: Int) -> Int:
    """A chunk's size says where the next one is."""
    octets, is_last = read_chunk(data, at, end)
    if is_last:
        own.phase = PHASE_HEADS
    return np.int64(NOT) if octets > BODY_MOST or (octets == MORE and cut) else octets


@inlined
def pass_body(own: Int, body: Int) -> Int:
    """Octets to pass over, or another way to find the next head."""
    if 0 <= body <= BODY_MOST:
        return body
    if body in (CHUNKED, UNTIL_CLOSE):
        own.phase = PHASE_CHUNKS if body == CHUNKED else PHASE_OFF
    else:
        seek(own)
    return np.int64(0)


@inlined
def hear_request(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, time_ns: Int) -> Int:
    """A request: octets of its head, MORE or NOT."""
    x = t.exchange[0]
    if is_waiting(t, row) and t.tracks[track_at(row, 1 - p.high)].marks & (STARTED | MISSED) != STARTED:
        let_go(t, row, p, True)
    clear(x)
    octets = read_request(data, at, end, x, t.out, cut)
    if octets > 0:
        ask_next(t, row, p, x, time_ns)
    return octets


@called
def answered(t: Int, row: Int, p: Int, x: Int, time_ns: Int) -> Int:
    """A response: the record of its exchange, unless it is interim or its request was not seen; its body."""
    status, body, own = x.numbers[STATUS], x.body, t.tracks[track_at(row, p.high)]
    if own.marks & MISSED:
        let_go(t, row, p, False)
        own.marks &= ~MISSED & 0xFFFF
        clear(x)
        x.numbers[STATUS] = status
    if status <= CONTINUE_MOST and status != SWITCHING:
        return body
    method = np.int64(0)
    if is_waiting(t, row):
        question = take_oldest(t, row, p)
        if question != NOBODY:
            method = np.int64(t.asked[question].kind)
            await_body(t, row, p, question, time_ns)
        tell(t, row, x, question, time_ns)
    if method & HEAD:
        return np.int64(0)
    if status == SWITCHING:
        t.tracks[track_at(row, 0)].phase = PHASE_OFF
        t.tracks[track_at(row, 1)].phase = PHASE_OFF
    elif method & CONNECT and OK <= status <= OK_MOST:
        begin_anew(t, row)
        return np.int64(0)
    return body


@inlined
def await_body(t: Int, row: Int, p: Int, question: Int, time_ns: Int) -> None:
    """The application's time begins with the last octet of the request."""
    entry = t.asked[question]
    if entry.kind & BODY and not is_waiting(t, row):
        entry.time_ns = end_of_question(t, row, p, entry.time_ns, time_ns)


@inlined
def begin_anew(t: Int, row: Int) -> None:
    """A tunnel: what follows is another protocol's, from the next octet of both ends on."""
    forget_questions(t, row)
    t.flows[row].decoder = DECODER_UNKNOWN
    for side in range(2):
        own = t.tracks[track_at(row, side)]
        if own.phase != PHASE_SEEK:
            own.marks |= HEAD_KNOWN
        own.phase = PHASE_SEEK
