"""PostgreSQL's protocol, version 3: who asks what of which database (its manual, "Frontend/Backend Protocol").

Texts 0 to 2: user, database, command. A message that has begun to be known is 5 octets, its type and length, and
`body` octets behind them to skip, captured or not; `kind` is its type's octet. A startup packet has no type: it is
read whole, and `kind` is STARTUP, SSL_REQUEST, GSS_REQUEST or CANCEL. With MORE and NOT x is clear.
"""

import numpy as np

from worker.decoders.cells import clear, end_text, put
from worker.decoders.places import note_place, write_texts
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, be32, octet

MORE, NOT = 0, -1
USER, DATABASE, COMMAND = 0, 1, 2  # the cells of the texts
STARTUP, SSL_REQUEST, GSS_REQUEST, CANCEL = 1, 2, 3, 4
QUERY, PARSE, BIND, EXECUTE, SYNC, TERMINATE = (ord(letter) for letter in "QPBESX")  # of the client
COMPLETE, ERROR, READY, EMPTY, SUSPENDED = (ord(letter) for letter in "CEZIs")  # of the server

HEADER = 5
STARTUP_MOST = 10000  # what a server takes
SEARCHED = 1024  # octets of a message within which the command's word begins and ends, or is not told
SMALL, LARGE = 10000, (1 << 30) + 4
TAG_MOST = 4 + 128
BLANK, DASH, SLASH = 32, 45, 47
LINE_COMMENT, COMMENT_BEGINS, COMMENT_ENDS = 0x2D2D, 0x2F2A, 0x2A2F
WORD_USER, WORD_DATABASE = np.frombuffer(b"user\0", np.uint8), np.frombuffer(b"database\0", np.uint8)


def _table(*rows: tuple[str, int, int]) -> np.ndarray:
    """Least and most of a length, which counts itself, for each type of message; 1 and 0 for what is none."""
    table = np.tile(np.array([1, 0], np.int64), (256, 1))
    for letters, least, most in rows:
        for letter in letters:
            table[ord(letter)] = least, most
    return table


FRONTEND = _table(
    ("HSXc", 4, 4),
    ("Q", 5, LARGE),
    ("P", 8, LARGE),
    ("B", 12, LARGE),
    ("E", 9, SMALL),
    ("CD", 6, SMALL),
    ("F", 14, LARGE),
    ("dp", 4, LARGE),
    ("f", 5, SMALL),
)
BACKEND = _table(
    ("123Incs", 4, 4),
    ("Z", 5, 5),
    ("C", 5, TAG_MOST),
    ("K", 12, SMALL),
    ("R", 8, LARGE),
    ("S", 6, LARGE),
    ("TtDV", 6, LARGE),
    ("EN", 5, LARGE),
    ("A", 10, LARGE),
    ("GHW", 7, SMALL),
    ("d", 4, LARGE),
    ("v", 12, SMALL),
)


@inlined
def looks_like_startup(buf: Octets, at: Int, end: Int) -> Int:
    """Whether the first eight octets begin a startup packet of any kind."""
    return end - at >= 8 and startup_kind(be32(buf, at), be32(buf, at + 4)) > 0


@inlined
def startup_kind(size: Int, code: Int) -> Int:
    """What a packet of this length and protocol number is, or NOT."""
    if code >> 16 == 3 and 9 <= size <= STARTUP_MOST:
        return STARTUP
    if code == 80877103 and size == 8:
        return SSL_REQUEST
    if code == 80877104 and size == 8:
        return GSS_REQUEST
    if code == 80877102 and 16 <= size <= 12 + 256:  # the key has 4 octets, since protocol 3.2 up to 256
        return CANCEL
    return NOT


@called
def read_startup(buf: Octets, at: Int, end: Int, x: Int, out: Octets) -> Int:
    """Octets of the packet a client begins with, MORE or NOT; user and database as they are given."""
    if end - at < 8:
        short = end - at < 4 or 8 <= be32(buf, at) <= STARTUP_MOST
        return MORE if short and (at >= end or octet(buf, at) == 0) else NOT
    size = be32(buf, at)
    kind = startup_kind(size, be32(buf, at + 4))
    if kind == NOT:
        return NOT
    if size > end - at:
        return MORE
    if kind == STARTUP:
        if octet(buf, at + size - 1) != 0:
            return NOT
        read_parameters(buf, at + 8, at + size, x)
        write_texts(buf, at + 8, x, out)
    x.kind = kind
    return size


@inlined
def read_parameters(buf: Octets, at: Int, end: Int, x: Int) -> None:
    """Pairs of names and values, each with a zero octet behind it."""
    base = at
    while at < end and octet(buf, at) != 0:
        value = pass_string(buf, at, end)
        after = pass_string(buf, value, end)
        if is_word(buf, at, end, WORD_USER):
            note_place(x, USER, base, value, max(after - 1, value))
        elif is_word(buf, at, end, WORD_DATABASE):
            note_place(x, DATABASE, base, value, max(after - 1, value))
        at = after


@inlined
def pass_string(buf: Octets, at: Int, end: Int) -> Int:
    """Behind the zero octet that ends a text, or `end`."""
    while at < end and octet(buf, at) != 0:
        at += 1
    return min(at + 1, end)


@inlined
def is_word(buf: Octets, at: Int, end: Int, word: Octets) -> Int:
    """Whether the octets at `at` are `word`."""
    if end - at < len(word):
        return False
    for i in range(len(word)):  # noqa: SIM110 - a kernel has no generators
        if octet(buf, at + i) != octet(word, i):
            return False
    return True


@inlined
def read_answer(buf: Octets, at: Int, end: Int, x: Int, _out: Octets) -> Int:
    """The one octet that answers an SSL or GSS request, 1, MORE or NOT: kind S or G, what follows is not ours; N."""
    if at >= end:
        return MORE
    if octet(buf, at) not in (83, 71, 78):
        return NOT
    x.kind = octet(buf, at)
    return 1


@inlined
def read_header(buf: Octets, at: Int, end: Int, x: Int, table: Int) -> Int:
    """Type and length of a message, and whether there is such a one: HEADER, MORE or NOT."""
    if at >= end:
        return MORE
    kind = octet(buf, at)
    if table[kind, 0] > table[kind, 1]:
        return NOT
    if end - at < HEADER:
        return MORE
    size = be32(buf, at + 1)
    if not table[kind, 0] <= size <= table[kind, 1]:
        return NOT
    x.kind = kind
    x.body = size - 4
    return HEADER


@called
def read_frontend(buf: Octets, at: Int, end: Int, x: Int, out: Octets, cut: Int = False) -> Int:
    """HEADER, MORE or NOT; of a query and of a statement prepared the first word, in capitals, is the command.

    With `cut` no more octets will come: a word that is not there whole is left out, and the header is enough.
    """
    known = read_header(buf, at, end, x, FRONTEND)
    if known != HEADER or x.kind not in (QUERY, PARSE):
        return known
    whole = at + HEADER + min(x.body, SEARCHED)
    upto = min(end, whole)
    start = at + HEADER
    if x.kind == PARSE:
        start = pass_string(buf, start, upto)
    start = pass_noise(buf, start, upto)
    stop = start
    while stop < upto and is_letter(octet(buf, stop)):
        stop += 1
    if stop < upto:
        write_capitals(buf, start, stop, x, out)
    elif end < whole and not cut:
        clear(x)
        return MORE
    return HEADER


@inlined
def pass_noise(buf: Octets, at: Int, end: Int) -> Int:
    """Where a statement begins behind blanks, brackets and comments, or `end`."""
    while at < end:
        one = octet(buf, at)
        if one in (DASH, SLASH):
            after = pass_comment(buf, at, end)
            if after == at:
                break
            at = after
        elif one in (9, 10, 11, 12, 13, 32, 40, 59):  # blanks ( ;
            at += 1
        else:
            break
    return at


@inlined
def pass_comment(buf: Octets, at: Int, end: Int) -> Int:
    """Behind a comment, `end` where its end is not there, `at` where there is none; those of C nest."""
    if at + 1 >= end:
        return end
    pair = be16(buf, at)
    if pair == LINE_COMMENT:
        while at < end and octet(buf, at) not in (10, 13):
            at += 1
        return at
    if pair != COMMENT_BEGINS:
        return at
    depth = 0
    while at + 1 < end:
        pair = be16(buf, at)
        if pair == COMMENT_BEGINS:
            depth += 1
            at += 2
        elif pair == COMMENT_ENDS:
            depth -= 1
            at += 2
            if depth == 0:
                return at
        else:
            at += 1
    return end


@inlined
def is_letter(one: Int) -> Int:
    """An octet of a command's word."""
    return 97 <= one | 0x20 <= 122 or one == 95


@inlined
def write_capitals(buf: Octets, at: Int, end: Int, x: Int, out: Octets) -> None:
    """The command is buf[at:end] in capitals; nothing is no command."""
    if at == end:
        return
    start = x.used
    for i in range(at, end):
        one = octet(buf, i)
        put(out, x, one - 32 if one >= 97 else one)
    end_text(x, COMMAND, start)


@called
def read_backend(buf: Octets, at: Int, end: Int, x: Int, out: Octets) -> Int:
    """HEADER, MORE or NOT; of a command completed its tag's words are the command, without the numbers behind them."""
    known = read_header(buf, at, end, x, BACKEND)
    if known != HEADER or x.kind != COMPLETE:
        return known
    upto = at + HEADER + x.body
    if upto > end:
        clear(x)
        return MORE
    stop = at + HEADER
    while stop < upto and (is_letter(octet(buf, stop)) or octet(buf, stop) == BLANK):
        stop += 1
    while stop > at + HEADER and octet(buf, stop - 1) == BLANK:
        stop -= 1
    write_capitals(buf, at + HEADER, stop, x, out)
    return HEADER
