"""Kernel: messages that wait for their answers, by a hash of flow, protocol and what joins the two (step 5).

A fixed table, four places a tag: a newcomer takes a free one, else that of the longest waiting. The time to an
answer is application latency; the question's cells complete the answer's record.
"""

import numpy as np

from shared.elements import NO_U32
from worker.biflow import mixed
from worker.decoders.cells import ABSENT, NUMBERS
from worker.jit import called, inlined
from worker.octets import Int
from worker.texts import has_same_texts, keep_question

PLACES = 4
NOBODY = -1
SENT_AGAIN_NS = 10_000_000_000  # later the same id means another question
BODY, BY_HIGH = 0x8000, 0x4000  # in ASKED.kind, above what the decoders say there


@inlined
def tag_of(h: Int, key: Int, protocol: Int, ident: Int) -> Int:
    """Odd, so never 0; `h` and `key` are the flow's hash and the rest of its key, 0 where another flow answers."""
    word = np.uint64(protocol) << np.uint64(56) ^ np.uint64(ident)
    return mixed(mixed(np.uint64(h), np.uint64(key)), word) | np.uint64(1)


@inlined
def answered(tag: Int) -> Int:
    """The tag of a question that waits no more: even, at one of the same places, which counts as free."""
    return tag ^ np.uint64(1)


@inlined
def first_place(t: Int, tag: Int) -> Int:
    """Where the tag's four places begin."""
    return np.int64((tag >> np.uint64(8)) & np.uint64(len(t.asked) - 1)) & ~(PLACES - 1)


@called
def find_question(t: Int, tag: Int) -> Int:
    """Place of the message with this tag, or NOBODY."""
    first = first_place(t, tag)
    for place in range(first, first + PLACES):
        if t.asked[place].tag == tag:
            return place
    return NOBODY


@called
def ask(t: Int, tag: Int, x: Int, time_ns: Int, may_be_again: bool) -> Int:
    """Remember a message until its answer comes, and where; one sent again keeps its time: so long they wait."""
    place = find_question(t, tag)
    if place == NOBODY:
        place = free_place(t, tag)
    entry = t.asked[place]
    ago_ns = time_ns - entry.time_ns
    is_again = may_be_again and entry.tag == tag and 0 <= ago_ns < SENT_AGAIN_NS
    if not (is_again and is_same(t, x, entry)):
        entry.time_ns = time_ns
    entry.tag = np.uint64(0)  # a successor finds whole questions
    entry.kind = (x.kind & (BY_HIGH - 1)) | (BODY if x.body else 0)
    entry.noted = np.uint32(NO_U32)
    for cell in range(NUMBERS):
        entry.numbers[cell] = kept(x, cell)
    keep_question(t, x, entry)
    entry.tag = tag
    return place


@inlined
def kept(x: Int, cell: Int) -> Int:
    """A number as it is kept."""
    return NO_U32 if x.numbers[cell] == ABSENT else x.numbers[cell] & NO_U32


@inlined
def is_same(t: Int, x: Int, entry: Int) -> bool:
    """Whether the message says what the question said."""
    for cell in range(NUMBERS):
        if np.int64(entry.numbers[cell]) != kept(x, cell):
            return False
    return has_same_texts(t, x, entry)


@inlined
def free_place(t: Int, tag: Int) -> Int:
    """A free one of the tag's places, or the one that has waited longest."""
    first = first_place(t, tag)
    best = first
    for place in range(first, first + PLACES):
        if t.asked[place].tag & np.uint64(1) == np.uint64(0):
            return place
        if t.asked[place].time_ns < t.asked[best].time_ns:
            best = place
    return best


@inlined
def complete(x: Int, entry: Int) -> None:
    """The numbers an answer does not have itself are its question's."""
    for cell in range(NUMBERS):
        if x.numbers[cell] == ABSENT and entry.numbers[cell] != NO_U32:
            x.numbers[cell] = np.int64(entry.numbers[cell])
