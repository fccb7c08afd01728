"""Kernel: texts of exchanges, written to the text ring once and read from it when the record is sent (step 7).

The ring is a power of two octets; words[texts_head] counts what was ever written. Nothing between words[texts_tail],
where the oldest record still kept has its texts, and the head is overwritten. A question's texts have no such right:
a revolution later they are gone.
"""

import numpy as np

from shared.elements import NO_U16
from shared.vitals import INDEX
from worker.decoders.cells import ABSENT, TEXTS
from worker.jit import called, inlined
from worker.jit_memory import move_octets
from worker.octets import Int

TEXTS_HEAD, TEXTS_TAIL, TEXTS_DROPPED = INDEX["texts_head"], INDEX["texts_tail"], INDEX["texts_dropped"]


@inlined
def has_room(t: Int, octets: Int) -> bool:
    """Whether so many octets fit before the oldest record's."""
    return t.words[TEXTS_HEAD] + octets - t.words[TEXTS_TAIL] <= len(t.texts)  # type: ignore[no-any-return]


@inlined
def is_kept(t: Int, entry: Int, octets: Int) -> bool:
    """Whether a question's texts are in the ring, also when so many octets more have been written."""
    return t.words[TEXTS_HEAD] + octets - np.int64(entry.text_at) <= len(t.texts)  # type: ignore[no-any-return]


@called
def append(t: Int, source: Int, at: Int, octets: Int) -> None:
    """Copy octets of `source`, an array whose length is a power of two, from `at` on round its end."""
    head = t.words[TEXTS_HEAD]
    t.words[TEXTS_HEAD] = head + octets
    while octets > 0:  # piece by piece up to the end of either
        into, out_of = head & (len(t.texts) - 1), at & (len(source) - 1)
        piece = min(octets, len(t.texts) - into, len(source) - out_of)
        move_octets(t.texts, into, source, out_of, piece)
        head, at, octets = head + piece, at + piece, octets - piece


@called
def keep_question(t: Int, x: Int, entry: Int) -> None:
    """The exchange's texts for later."""
    entry.text_at = t.words[TEXTS_HEAD]
    fits = has_room(t, x.used)
    if fits:
        append(t, t.out, 0, x.used)
    else:
        t.words[TEXTS_DROPPED] += 1
    for cell in range(TEXTS):
        entry.lengths[cell] = x.lengths[cell] if fits and x.lengths[cell] != ABSENT else NO_U16


@called
def has_same_texts(t: Int, x: Int, entry: Int) -> bool:
    """Whether the exchange's texts are the question's."""
    for cell in range(TEXTS):
        length = NO_U16 if x.lengths[cell] == ABSENT else x.lengths[cell]
        if np.int64(entry.lengths[cell]) != length:
            return False
    if not is_kept(t, entry, 0):
        return False
    for i in range(x.used):  # noqa: SIM110 - no generators in kernels
        if t.texts[(np.int64(entry.text_at) + i) & (len(t.texts) - 1)] != t.out[i]:
            return False
    return True


@called
def add_to_question(t: Int, x: Int, entry: Int, cell: Int) -> None:
    """The exchange's text of `cell`, behind those that the question has before it: written once more, all together."""
    entry.lengths[cell] = NO_U16
    before = asked_octets(entry)
    if not is_kept(t, entry, before + x.used):
        forget_question(entry)
        before = np.int64(0)
    if x.lengths[cell] == ABSENT:
        return
    if not has_room(t, before + x.used):
        t.words[TEXTS_DROPPED] += 1
        return
    at = t.words[TEXTS_HEAD]
    append(t, t.texts, np.int64(entry.text_at), before)
    append(t, t.out, 0, x.used)
    entry.text_at = at
    entry.lengths[cell] = x.lengths[cell]


@inlined
def forget_question(entry: Int) -> None:
    """A question whose texts have been written over."""
    for cell in range(TEXTS):
        entry.lengths[cell] = NO_U16


@called
def keep_answer(t: Int, x: Int, entry: Int, is_answer: bool, record: Int) -> None:
    """The texts of a record: the exchange's own, and its question's where it has none."""
    asked_for = asked_octets(entry) if is_answer else np.int64(0)
    octets = x.used + asked_for
    is_answer = is_answer and is_kept(t, entry, octets)
    record.text_at = t.words[TEXTS_HEAD]
    fits = has_room(t, octets)
    if not fits or (asked_for > 0 and not is_answer):
        t.words[TEXTS_DROPPED] += 1
    if not fits:
        forget_texts(record)
        return
    own, asked = np.int64(0), np.int64(entry.text_at)
    record.text0, own, asked = keep_cell(t, x, entry, is_answer, 0, own, asked)
    record.text1, own, asked = keep_cell(t, x, entry, is_answer, 1, own, asked)
    record.text2, own, asked = keep_cell(t, x, entry, is_answer, 2, own, asked)
    record.text3, own, asked = keep_cell(t, x, entry, is_answer, 3, own, asked)
    record.text4, own, asked = keep_cell(t, x, entry, is_answer, 4, own, asked)


@inlined
def asked_octets(entry: Int) -> Int:
    """Octets of all texts of a question."""
    octets = np.int64(0)
    for cell in range(TEXTS):
        octets += 0 if entry.lengths[cell] == NO_U16 else np.int64(entry.lengths[cell])
    return octets


@inlined
def keep_cell(
    t: Int, x: Int, entry: Int, is_answer: bool, cell: Int, own: Int, asked: Int
) -> tuple[Int, Int, Int]:
    """One text: its length, and where the next ones of exchange and question begin."""
    length = np.int64(NO_U16)
    question = np.int64(entry.lengths[cell]) if is_answer else np.int64(NO_U16)
    if x.lengths[cell] != ABSENT:
        length = x.lengths[cell]
        append(t, t.out, own, length)
        own += length
    elif question != NO_U16:
        length = question
        append(t, t.texts, asked, length)
    if question != NO_U16:
        asked += question
    return length, own, asked


@inlined
def forget_texts(record: Int) -> None:
    """A record without texts."""
    record.text0 = NO_U16
    record.text1 = NO_U16
    record.text2 = NO_U16
    record.text3 = NO_U16
    record.text4 = NO_U16
