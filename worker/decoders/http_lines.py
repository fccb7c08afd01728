"""Lines of an HTTP head (RFC 9112 sections 2 and 5): where they end, blanks around values, words without case.

What follows an empty line, or a line that has not come, is the caller's; a position of 0 or below is MORE or NOT.
"""

from worker.jit import inlined
from worker.octets import Int, Octets, octet

MORE, NOT = 0, -1
TAB, LF, CR, SPACE, COLON = 9, 10, 13, 32, 58


@inlined
def pass_empty_lines(buf: Octets, at: Int, end: Int) -> Int:
    """Where the first line begins: some send an empty one behind a body (RFC 9112 section 2.2)."""
    while at < end and octet(buf, at) in (CR, LF):
        at += 1
    return at


@inlined
def pass_blanks(buf: Octets, at: Int, end: Int) -> Int:
    """Where something else than blanks begins."""
    while at < end and octet(buf, at) in (SPACE, TAB):
        at += 1
    return at


@inlined
def pass_space(buf: Octets, at: Int, end: Int) -> Int:
    """Where something else than blanks and line ends begins."""
    while at < end and octet(buf, at) in (SPACE, TAB, CR, LF):
        at += 1
    return at


@inlined
def trim(buf: Octets, at: Int, end: Int) -> Int:
    """Where buf[at:end] ends without the blanks and line ends behind it."""
    while end > at and octet(buf, end - 1) in (SPACE, TAB, CR, LF):
        end -= 1
    return end


@inlined
def end_of_text(buf: Octets, at: Int, end: Int) -> Int:
    """Behind a line that is text, MORE, or NOT where a control character says that it is none."""
    i = at
    while i < end and (octet(buf, i) >= SPACE or octet(buf, i) == TAB):
        i += 1
    if i < end and octet(buf, i) == CR:
        i += 1
        if i < end and octet(buf, i) != LF:
            return NOT
    if i >= end:
        return MORE
    return i + 1 if octet(buf, i) == LF else NOT


@inlined
def end_of_field(buf: Octets, at: Int, end: Int) -> Int:
    """Behind a line and the lines that fold it (RFC 9112 section 5.2), or MORE."""
    for i in range(at, end - 1):
        if octet(buf, i) == LF and octet(buf, i + 1) not in (SPACE, TAB):
            return i + 1
    return MORE


@inlined
def same(buf: Octets, at: Int, word: Octets) -> Int:
    """Whether the octets at `at` are `word`, given in lower case."""
    for i in range(len(word)):  # noqa: SIM110 - a kernel has no generators
        if octet(buf, at + i) | 0x20 != octet(word, i):
            return False
    return True


@inlined
def has(buf: Octets, at: Int, end: Int, word: Octets) -> Int:
    """Whether `word`, given in lower case, stands in buf[at:end]."""
    for i in range(at, end - len(word) + 1):  # noqa: SIM110
        if same(buf, i, word):
            return True
    return False
