"""Kernel: the application's part of a record: an exchange that was finished, or a question nobody answered (step 7)."""

import numpy as np

from shared.elements import NO_U32
from shared.reasons import AppProtocol, EndReason
from shared.vitals import INDEX
from worker.asked import NOBODY, complete, find_question, tag_of
from worker.biflow import hash_of_row, key_of_row
from worker.clock import TICK_BITS
from worker.decoders.cells import ABSENT
from worker.jit import called, inlined
from worker.octets import Int
from worker.rows import DECODER_OFF
from worker.texts import forget_texts, keep_answer

EXCHANGES, TEXTS_HEAD = INDEX["exchanges"], INDEX["texts_head"]
NOW_NS, BASE_NS = INDEX["now_ns"], INDEX["base_ns"]
ACTIVE_TIMEOUT, IDLE_TIMEOUT = int(EndReason.ACTIVE_TIMEOUT), int(EndReason.IDLE_TIMEOUT)
DNS, TLS, QUIC, HTTP, POSTGRES = (int(AppProtocol[n]) for n in ("DNS", "TLS", "QUIC", "HTTP", "POSTGRES"))


@called
def unanswered(t: Int, row: Int, reason: Int) -> Int:
    """Place of a question of this flow that goes into this record without answer, or NOBODY.

    A flow that is silent or ends waits no longer, but a slow answer over HTTP or PostgreSQL may come until the flow is
    forgotten. A hello does not wait for the flow to end: on some taps only one direction is seen.
    """
    flow, cold = t.flows[row], t.cold[row]
    if cold.asked == cold.answered or flow.decoder == DECODER_OFF:
        return NOBODY
    if reason == ACTIVE_TIMEOUT and flow.decoder not in (TLS, QUIC):
        return NOBODY
    if reason == IDLE_TIMEOUT and flow.decoder in (HTTP, POSTGRES) and not is_forgotten(t, flow):
        return NOBODY
    place = find_question(
        t, tag_of(hash_of_row(t, row), key_of_row(flow), flow.decoder, np.int64(cold.answered))
    )
    note_answered(flow, cold)
    return place


@inlined
def is_forgotten(t: Int, flow: Int) -> bool:
    """Whether the flow has been silent for so long that it leaves the table."""
    tick = (t.words[NOW_NS] - t.words[BASE_NS]) >> TICK_BITS
    return tick - np.int64(flow.seen) >= t.forget  # type: ignore[no-any-return]


@inlined
def note_answered(flow: Int, cold: Int) -> None:
    """The oldest question of the flow waits no more; of queries only the latest is known by its id."""
    if flow.decoder in (DNS, POSTGRES):
        cold.asked = cold.answered
    else:
        cold.answered = (np.int64(cold.answered) + 1) & 0xFFFF


@called
def fill_exchange(t: Int, row: Int, record: Int, x: Int, question: Int, latency_us: Int) -> None:
    """Cells, texts and latency; the question is done with."""
    record.app_protocol = t.flows[row].decoder
    record.app_by = t.cold[row].by
    record.app_latency_us = latency_us
    entry = t.asked[max(question, 0)]
    if question != NOBODY:
        complete(x, entry)
        entry.tag = np.uint64(0)
    record.number0 = number(x, 0)
    record.number1 = number(x, 1)
    record.number2 = number(x, 2)
    record.number3 = number(x, 3)
    record.number4 = number(x, 4)
    record.number5 = number(x, 5)
    keep_answer(t, x, entry, question != NOBODY, record)
    t.words[EXCHANGES] += 1


@inlined
def number(x: Int, cell: Int) -> Int:
    """A number as the record keeps it."""
    return NO_U32 if x.numbers[cell] == ABSENT else x.numbers[cell] & 0xFFFFFFFF


@inlined
def fill_no_exchange(t: Int, record: Int) -> None:
    """A record of packets alone."""
    record.app_protocol = 0
    record.app_by = 0
    record.app_latency_us = NO_U32
    record.number0 = NO_U32
    record.number1 = NO_U32
    record.number2 = NO_U32
    record.number3 = NO_U32
    record.number4 = NO_U32
    record.number5 = NO_U32
    record.text_at = t.words[TEXTS_HEAD]
    forget_texts(record)
