"""Kernel: PostgreSQL sessions: who began one with which database, and each command's end (step 5).

The session's question stays in t.asked as long as the session speaks: user and database complete every record. While
a command runs it has the command too, and ASKED.noted is the time to the first octet of the answer, once that came.
"""

import numpy as np

from shared.elements import NO_U16, NO_U32
from shared.reasons import AppProtocol
from shared.vitals import INDEX
from worker.asked import NOBODY, ask, find_question, tag_of
from worker.decoders.cells import ABSENT, OUT_BYTES, clear
from worker.decoders.postgres import (
    BACKEND,
    COMMAND,
    COMPLETE,
    DATABASE,
    ERROR,
    EXECUTE,
    FRONTEND,
    GSS_REQUEST,
    HEADER,
    PARSE,
    QUERY,
    READY,
    SSL_REQUEST,
    STARTUP,
    USER,
    looks_like_startup,
    read_answer,
    read_backend,
    read_frontend,
    read_header,
    read_startup,
)
from worker.dialogs.http import begin_anew
from worker.dialogs.questions import end_of_question
from worker.hot_row import track_at
from worker.jit import called, inlined
from worker.octets import Int, Octets
from worker.report import tell
from worker.rows import PHASE_ANSWER, PHASE_HEADS, PHASE_OFF, PHASE_START
from worker.texts import add_to_question, asked_octets

POSTGRES, TEXTS_HEAD = int(AppProtocol.POSTGRES), INDEX["texts_head"]
NOT_ENCRYPTED = ord("N")
UNASKED = tuple(ord(letter) for letter in "NSA")  # notices and the like: they may come at any time
RUNNING, ANSWERING = 1, 2  # COLD.asked while .answered, the number of a flow's only question, is 0
GUESSED_MOST = 1 << 16  # octets of a message that is taken for one without knowing what was before


@called
def hear_postgres(
    t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, first_ns: Int, last_ns: Int
) -> Int:
    """A message at `at`: how far behind it the next begins, MORE or NOT."""
    own, x = t.tracks[track_at(row, p.high)], t.exchange[0]
    clear(x)
    if own.phase == PHASE_START:
        return hear_startup(t, row, p, data, at, end, last_ns)
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
            begin_command(t, row, p, x, last_ns)
    else:
        octets = read_backend(data, at, end, x, t.out)
        if octets > 0:
            hear_answer(t, row, p, x, first_ns)
    return octets + x.body if octets > 0 else octets


@inlined
def may_be_postgres(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int) -> bool:
    """Whether a message of this side, and none too long, may begin here, somewhere in a session."""
    if looks_like_startup(data, at, end):
        return True
    x = t.exchange[0]
    clear(x)
    table = FRONTEND if p.high == t.flows[row].initiator else BACKEND
    return read_header(data, at, end, x, table) > 0 and x.body <= GUESSED_MOST  # type: ignore[no-any-return]


@inlined
def is_whole_postgres(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int) -> bool:
    """Whether a message of this side is there to its end, be it but an empty query."""
    return may_be_postgres(t, row, p, data, at, end) and t.exchange[0].body <= end - at - HEADER


@inlined
def hear_startup(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, time_ns: Int) -> Int:
    """The packet without a type; a request for encryption is answered by one octet."""
    own, there, x = t.tracks[track_at(row, p.high)], t.tracks[track_at(row, 1 - p.high)], t.exchange[0]
    octets = read_startup(data, at, end, x, t.out)
    if octets <= 0:
        return octets
    if x.kind == STARTUP:
        own.phase = PHASE_HEADS
        there.phase = PHASE_HEADS
        name_database(t, x)
        ask(t, session(p), x, time_ns, False)
        run(t, row)
    elif x.kind in (SSL_REQUEST, GSS_REQUEST):
        there.phase = PHASE_ANSWER
    else:
        own.phase = PHASE_OFF
    return octets


@inlined
def name_database(t: Int, x: Int) -> None:
    """A client that names no database means the one of its user's name."""
    octets = x.lengths[USER]
    if x.lengths[DATABASE] == ABSENT and octets != ABSENT and x.used + octets <= OUT_BYTES:
        for i in range(octets):
            t.out[x.used + i] = t.out[i]
        x.used += octets
        x.lengths[DATABASE] = octets


@inlined
def session(p: Int) -> Int:
    """The tag of the session's question."""
    return tag_of(p.hash, p.key, POSTGRES, 0)


@inlined
def run(t: Int, row: Int) -> None:
    """Something was asked."""
    t.cold[row].asked = RUNNING
    t.cold[row].answered = 0


@inlined
def begin_command(t: Int, row: Int, p: Int, x: Int, time_ns: Int) -> None:
    """A command's time begins with what asks for it; in a session joined on its way nobody knows whose it is."""
    place = find_question(t, session(p))
    if place == NOBODY:
        ask(t, session(p), x, time_ns, False)
    else:
        entry = t.asked[place]
        entry.time_ns = time_ns
        entry.noted = np.uint32(NO_U32)
        if x.kind != EXECUTE:
            add_to_question(t, x, entry, COMMAND)
    run(t, row)


@inlined
def hear_answer(t: Int, row: Int, p: Int, x: Int, time_ns: Int) -> None:
    """A message of the server: the first to a command gives its time, the last its record."""
    cold = t.cold[row]
    if cold.asked == RUNNING and cold.answered == 0 and x.kind not in UNASKED:
        cold.asked = ANSWERING
        place = find_question(t, session(p))
        if place != NOBODY:
            entry = t.asked[place]
            entry.time_ns = end_of_question(t, row, p, entry.time_ns, time_ns)
            entry.noted = min(max(time_ns - entry.time_ns, 0) // 1000, NO_U32 - 1)
    is_waiting = cold.asked != cold.answered
    if x.kind == COMPLETE or (is_waiting and x.kind in (ERROR, READY)):
        end_command(t, row, p, x, time_ns)


@inlined
def end_command(t: Int, row: Int, p: Int, x: Int, time_ns: Int) -> None:
    """A command is complete or has failed, or the session is ready for its first: one record."""
    t.cold[row].asked = t.cold[row].answered
    place, texts_at, texts = find_question(t, session(p)), t.words[TEXTS_HEAD], np.int64(x.used)
    if place != NOBODY:
        entry = t.asked[place]
        if x.lengths[COMMAND] != ABSENT:
            entry.lengths[COMMAND] = NO_U16
        texts += asked_octets(entry)
        if entry.noted != NO_U32:
            time_ns = entry.time_ns + np.int64(entry.noted) * 1000
    tell(t, row, x, place, time_ns)
    if place != NOBODY:
        entry = t.asked[place]
        entry.tag = session(p)
        entry.lengths[COMMAND] = NO_U16
        if (
            t.words[TEXTS_HEAD] - texts_at == texts
        ):  # then the record's first texts are the session's, and fresh
            entry.text_at = texts_at
