"""Kernel: a flow's questions in order, and the answer to the oldest (step 5)."""

import numpy as np

from shared.reasons import EndReason
from shared.vitals import INDEX
from worker.asked import BY_HIGH, NOBODY, ask, find_question, tag_of
from worker.hot_row import track_at
from worker.jit import called, inlined
from worker.octets import Int
from worker.report import OUTBOX_RESERVE, report
from worker.tcp import WORD, distance, elapsed, microseconds

HEAD, TAIL, MESSAGES_SHED = INDEX["head"], INDEX["tail"], INDEX["messages_shed"]
EXCHANGE = int(EndReason.EXCHANGE)


@inlined
def ask_next(t: Int, row: Int, p: Int, x: Int, time_ns: Int) -> None:
    """A question to which answers come in order: its number in the flow joins them."""
    cold = t.cold[row]
    place = ask(t, place_in_flow(t, row, p, np.int64(cold.asked)), x, time_ns, False)
    t.asked[place].noted = p.acknowledged & WORD
    t.asked[place].kind |= BY_HIGH if p.high else 0
    cold.asked = (np.int64(cold.asked) + 1) & 0xFFFF


@inlined
def place_in_flow(t: Int, row: Int, p: Int, number: Int) -> Int:
    """The tag of a flow's question."""
    return tag_of(p.hash, p.key, t.flows[row].decoder, number)


@inlined
def is_waiting(t: Int, row: Int) -> bool:
    """Whether a question of the flow has no answer yet."""
    return t.cold[row].asked != t.cold[row].answered  # type: ignore[no-any-return]


@inlined
def take_oldest(t: Int, row: Int, p: Int) -> Int:
    """Place of the oldest question, which waits no more, or NOBODY where it is forgotten."""
    cold = t.cold[row]
    place = find_question(t, place_in_flow(t, row, p, np.int64(cold.answered)))
    cold.answered = (np.int64(cold.answered) + 1) & 0xFFFF
    return place


@inlined
def forget_questions(t: Int, row: Int) -> None:
    """The flow speaks another protocol from here on."""
    t.cold[row].asked = 0
    t.cold[row].answered = 0


@called
def let_go(t: Int, row: Int, p: Int, asks: bool) -> None:
    """Answers were missed: questions wait no more if their sender heard something between them and what follows.

    They make their records without. What follows the latest is the question asked now, or else the answer heard now:
    one that does not begin where its question's sender had heard the other end to is another question's.
    """
    cold = t.cold[row]
    while cold.asked != cold.answered:
        oldest = find_question(t, place_in_flow(t, row, p, np.int64(cold.answered)))
        heard, following = np.int64(p.acknowledged), (np.int64(cold.answered) + 1) & 0xFFFF
        if following != cold.asked:
            place = find_question(t, place_in_flow(t, row, p, following))
            heard = np.int64(t.asked[place].noted) if place != NOBODY else np.int64(-1)
        elif not asks:
            heard = np.int64(t.tracks[track_at(row, p.high)].head)
        if oldest != NOBODY and heard >= 0 and distance(heard, np.int64(t.asked[oldest].noted)) <= 0:
            return
        let_go_oldest(t, row, oldest)


@called
def miss_answer(t: Int, row: Int, p: Int, side: Int) -> None:
    """The answer to the oldest question, if this side was to give it, will not be seen."""
    if not is_waiting(t, row):
        return
    oldest = find_question(t, place_in_flow(t, row, p, np.int64(t.cold[row].answered)))
    if oldest != NOBODY and (t.asked[oldest].kind & BY_HIGH != 0) == (side != 0):
        return
    let_go_oldest(t, row, oldest)


@inlined
def let_go_oldest(t: Int, row: Int, oldest: Int) -> None:
    """The oldest question, at this place or NOBODY, makes its record without an answer."""
    if oldest != NOBODY and t.words[HEAD] - t.words[TAIL] + OUTBOX_RESERVE < len(t.outbox):
        report(t, row, EXCHANGE)
        return
    t.words[MESSAGES_SHED] += 1
    t.cold[row].answered = (np.int64(t.cold[row].answered) + 1) & 0xFFFF


@inlined
def end_of_question(t: Int, row: Int, p: Int, since_ns: Int, time_ns: Int) -> Int:
    """When the last octet of a question came that began at since_ns: it is the last new one of the other end."""
    ago_us = elapsed(microseconds(time_ns), np.int64(t.tracks[track_at(row, 1 - p.high)].progress_us))
    return max(since_ns, time_ns - ago_us * 1000)
