"""Kernel: a flow's questions in order, and the answer to the oldest (step 5)."""

import numpy as np

from worker.asked import ask, find_question, tag_of
from worker.jit import inlined
from worker.octets import Int


@inlined
def ask_next(t: Int, row: Int, p: Int, x: Int, time_ns: Int) -> None:
    """A question to which answers come in order: its number in the flow joins them."""
    cold = t.cold[row]
    ask(t, tag_of(p.hash, p.key, t.flows[row].decoder, np.int64(cold.asked)), x, time_ns)
    cold.asked = (np.int64(cold.asked) + 1) & 0xFFFF


@inlined
def is_waiting(t: Int, row: Int) -> bool:
    """Whether a question of the flow has no answer yet."""
    return t.cold[row].asked != t.cold[row].answered  # type: ignore[no-any-return]


@inlined
def take_oldest(t: Int, row: Int, p: Int) -> Int:
    """Place of the oldest question, which waits no more, or NOBODY where it is forgotten."""
    cold = t.cold[row]
    place = find_question(t, tag_of(p.hash, p.key, t.flows[row].decoder, np.int64(cold.answered)))
    cold.answered = (np.int64(cold.answered) + 1) & 0xFFFF
    return place


@inlined
def forget_questions(t: Int, row: Int) -> None:
    """The flow speaks another protocol from here on."""
    t.cold[row].asked = 0
    t.cold[row].answered = 0
