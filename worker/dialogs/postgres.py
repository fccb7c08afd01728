"""Kernel: PostgreSQL sessions: who began one with which database, and each command's end (step 5).

The session's question stays in t.asked as long as the session speaks: user and database complete every record.
"""

from shared.reasons import AppProtocol
from shared.vitals import INDEX
from worker.asked import NOBODY, ask, find_question, tag_of
from worker.decoders.cells import clear
from worker.decoders.postgres import (
    COMPLETE,
    ERROR,
    EXECUTE,
    GSS_REQUEST,
    PARSE,
    QUERY,
    READY,
    SSL_REQUEST,
    STARTUP,
    read_answer,
    read_backend,
    read_frontend,
    read_startup,
)
from worker.dialogs.http import begin_anew
from worker.jit import called, inlined
from worker.octets import Int, Octets
from worker.report import tell
from worker.rows import PHASE_ANSWER, PHASE_HEADS, PHASE_OFF, PHASE_START

POSTGRES, TEXTS_HEAD = int(AppProtocol.POSTGRES), INDEX["texts_head"]
NOT_ENCRYPTED = ord("N")


@called
def hear_postgres(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, time_ns: Int) -> Int:
    """A message at `at`: how far behind it the next begins, MORE or NOT."""
    own, x = t.tracks[row, p.high], t.exchange[0]
    clear(x)
    if own.phase == PHASE_START:
        return hear_startup(t, row, p, data, at, end, time_ns)
    if own.phase == PHASE_ANSWER:
        octets = read_answer(data, at, end, x, t.out)
        if octets > 0:
            own.phase = PHASE_HEADS
            if x.kind != NOT_ENCRYPTED:
                begin_anew(t, row)
        return octets
    if p.high == t.flows[row].initiator:
        octets = read_frontend(data, at, end, x, t.out, cut)
        if octets > 0 and x.kind in (QUERY, PARSE, EXECUTE):
            begin_command(t, row, p, time_ns)
    else:
        octets = read_backend(data, at, end, x, t.out)
        if octets > 0:
            end_command(t, row, p, x, time_ns)
    return octets + x.body if octets > 0 else octets


@inlined
def hear_startup(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, time_ns: Int) -> Int:
    """The packet without a type; a request for encryption is answered by one octet."""
    own, there, x = t.tracks[row, p.high], t.tracks[row, 1 - p.high], t.exchange[0]
    octets = read_startup(data, at, end, x, t.out)
    if octets <= 0:
        return octets
    if x.kind == STARTUP:
        own.phase = PHASE_HEADS
        there.phase = PHASE_HEADS
        ask(t, session(p), x, time_ns)
        await_answer(t, row)
    elif x.kind in (SSL_REQUEST, GSS_REQUEST):
        there.phase = PHASE_ANSWER
    else:
        own.phase = PHASE_OFF
    return octets


@inlined
def session(p: Int) -> Int:
    """The tag of the session's question."""
    return tag_of(p.hash, p.key, POSTGRES, 0)


@inlined
def await_answer(t: Int, row: Int) -> None:
    """Something was asked; its number in the flow stays 0."""
    t.cold[row].asked = 1
    t.cold[row].answered = 0


@inlined
def begin_command(t: Int, row: Int, p: Int, time_ns: Int) -> None:
    """The time of a command begins with what asks for it."""
    place = find_question(t, session(p))
    if place != NOBODY:
        t.asked[place].time_ns = time_ns
        await_answer(t, row)


@inlined
def end_command(t: Int, row: Int, p: Int, x: Int, time_ns: Int) -> None:
    """A command is complete or has failed, or the session is ready for its first: one record."""
    cold = t.cold[row]
    is_waiting = cold.asked != cold.answered
    if not (x.kind == COMPLETE or (is_waiting and x.kind in (ERROR, READY))):
        return
    cold.asked = cold.answered
    place, texts_at = find_question(t, session(p)), t.words[TEXTS_HEAD]
    tell(t, row, x, place, time_ns)
    if place != NOBODY:  # the record's first texts are the session's: those are the freshest now
        t.asked[place].tag = session(p)
        t.asked[place].text_at = texts_at
