"""HTTP/1.x heads (RFC 9112): from the first line to the empty one, and how long the body behind them is.

Texts 0 to 4: url, host, referer, user agent, method; number 0: status. `kind` is a sum of the flags below; `body` is
octets, or CHUNKED, UNTIL_CLOSE, UNKNOWN. With MORE and NOT x is clear.

With `cut` the caller says that no more octets will come (a snap length, a head beyond what is gathered): what
is readable is given, the flag CUT says so, and the answer is all there is, end - at; body is UNKNOWN then.
"""

import numpy as np

from worker.decoders.cells import clear
from worker.decoders.http_body import INVALID, UNKNOWN, UNSAID, UNTIL_CLOSE
from worker.decoders.http_fields import CUT, METHOD, UPGRADE, URL, read_fields
from worker.decoders.http_lines import (
    CR,
    LF,
    MORE,
    NOT,
    SPACE,
    TAB,
    end_of_text,
    pass_blanks,
    pass_empty_lines,
    trim,
)
from worker.decoders.places import forget_texts, note_place, write_texts
from worker.jit import called, inlined
from worker.octets import Int, Octets, be32, octet

STATUS = 0  # the cell of a number
CONNECT, HEAD = 1, 2  # flags; the others stand with the fields they come from
METHOD_MOST = 24
VERSION, VERSION_OCTETS = np.frombuffer(b"HTTP/1.", np.uint8), 8
VERSION_ICY, ICY = np.frombuffer(b"ICY ", np.uint8), 0x49435920
HTTP, SLASH_ONE = 0x48545450, 0x2F312E  # "HTTP", "/1."
WORD_HEAD, WORD_CONN, WORD_NECT = 0x48454144, 0x434F4E4E, 0x4E454354

# Methods of RFC 9110, 5789, 4918 and its kin, UPnP, Icecast and RPC over HTTP, told apart by eight octets at most.
_METHODS = (
    "GET POST HEAD PUT DELETE OPTIONS TRACE CONNECT PATCH QUERY "
    "PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK ACL SEARCH REPORT MKCALENDAR "
    "VERSION-CONTROL CHECKOUT CHECKIN UNCHECKOUT MKWORKSPACE UPDATE LABEL MERGE BASELINE-CONTROL "
    "MKACTIVITY ORDERPATCH BIND REBIND UNBIND LINK UNLINK MKREDIRECTREF UPDATEREDIRECTREF "
    "BCOPY BMOVE BDELETE BPROPFIND BPROPPATCH POLL PURGE "
    "NOTIFY M-SEARCH SUBSCRIBE UNSUBSCRIBE SOURCE "
    "RPC_CONNECT RPC_IN_DATA RPC_OUT_DATA CCM_POST BITS_POST"
)
_OPENINGS = [(method + " ")[:8].encode() for method in _METHODS.split()]
_LIKE = np.array([int.from_bytes(word.ljust(8, b"\0"), "big") for word in _OPENINGS], dtype=np.int64)
_MASK = np.array([-1 << 8 * (8 - len(word)) for word in _OPENINGS], dtype=np.int64)


@called
def looks_like_request(buf: Octets, at: Int, end: Int) -> Int:
    """Whether the first octets, at most eight of them, are a method that is in use."""
    if end - at < 4 or not is_method(octet(buf, at)):
        return False
    word = be32(buf, at) << 32
    for i in range(4, min(8, end - at)):
        word |= octet(buf, at + i) << 8 * (7 - i)
    for i in range(len(_LIKE)):  # noqa: SIM110 - a kernel has no generators
        if word & _MASK[i] == _LIKE[i]:
            return True
    return False


@inlined
def looks_like_response(buf: Octets, at: Int, end: Int) -> Int:
    """Whether the first eight octets are HTTP/1.x, or the first four those of a SHOUTcast server."""
    if end - at >= VERSION_OCTETS and is_version(buf, at):
        return True
    return end - at >= 4 and be32(buf, at) == ICY


@inlined
def is_method(one: Int) -> Int:
    """An octet of a method as they are in use: A to Z, - and _ (RFC 9110 section 9.1 would take any token)."""
    return 65 <= one <= 90 or one in (45, 95)


@inlined
def is_version(buf: Octets, at: Int) -> Int:
    """Eight octets that say HTTP/1. and a digit."""
    return be32(buf, at) == HTTP and be32(buf, at + 4) >> 8 == SLASH_ONE and 48 <= octet(buf, at + 7) <= 57


@called
def read_request(buf: Octets, at: Int, end: Int, x: Int, out: Octets, cut: Int = False) -> Int:
    """Octets of a request's head, MORE or NOT."""
    start = pass_empty_lines(buf, at, end)
    x.body = UNSAID
    upto = read_request_line(buf, start, end, x, cut)
    if upto > 0:
        upto = read_fields(buf, start, upto, end, x, cut)
    if upto <= 0:
        clear(x)
        return upto
    if x.kind & CUT:
        x.body = UNKNOWN
    elif x.body in (UNSAID, INVALID):
        x.body = 0
    write_texts(buf, start, x, out)
    return upto - at


@called
def read_response(buf: Octets, at: Int, end: Int, x: Int, _out: Octets, cut: Int = False) -> Int:
    """Octets of a response's head, MORE or NOT. That an answer to HEAD has no body is the caller's to know."""
    start = pass_empty_lines(buf, at, end)
    x.body = UNSAID
    upto = read_status_line(buf, start, end, x, cut)
    if upto > 0:
        upto = read_fields(buf, start, upto, end, x, cut)
    if upto <= 0:
        clear(x)
        return upto
    forget_texts(x)
    status = x.numbers[STATUS]
    x.kind &= ~UPGRADE  # a server may offer one in any answer; 101 is the one
    if status == 101:
        x.kind |= UPGRADE
    if x.kind & CUT:
        x.body = UNKNOWN
    elif status < 200 or status in (204, 304):  # RFC 9112 section 6.3
        x.body = 0
    elif x.body in (UNSAID, INVALID):
        x.body = UNTIL_CLOSE
    return upto - at


@inlined
def read_request_line(buf: Octets, at: Int, end: Int, x: Int, cut: Int) -> Int:
    """Method and url of a line that ends in HTTP/1.x; where the next line begins, MORE or NOT."""
    i = at
    while i < end and is_method(octet(buf, i)):
        i += 1
    if i - at > METHOD_MOST:
        return NOT
    if i >= end:
        return MORE
    if i == at or octet(buf, i) != SPACE:
        return NOT
    note_place(x, METHOD, at, at, i)
    note_method(buf, at, i, x)
    url = pass_blanks(buf, i, end)
    upto = end_of_text(buf, url, end)
    if upto == MORE and cut and looks_like_request(buf, at, end):
        upto = url
        while upto < end and octet(buf, upto) > SPACE:
            upto += 1
        note_place(x, URL, at, url, upto)
        x.kind |= CUT
        return end
    if upto <= 0:
        return upto
    version = trim(buf, url, upto) - VERSION_OCTETS
    if version <= url or not is_version(buf, version) or octet(buf, version - 1) != SPACE:
        return NOT
    note_place(x, URL, at, url, trim(buf, url, version))
    return upto


@inlined
def note_method(buf: Octets, at: Int, end: Int, x: Int) -> None:
    """Remember the methods after which the answer's body, or the whole connection, is another matter."""
    if end - at == 4 and be32(buf, at) == WORD_HEAD:
        x.kind |= HEAD
    elif end - at == 7 and be32(buf, at) == WORD_CONN and be32(buf, at + 3) == WORD_NECT:
        x.kind |= CONNECT


@inlined
def begins(buf: Octets, at: Int, end: Int, word: Octets) -> Int:
    """Whether what is there of the first octets is `word`."""
    for i in range(min(len(word), end - at)):  # noqa: SIM110
        if octet(buf, at + i) != octet(word, i):
            return False
    return True


@inlined
def read_status_line(buf: Octets, at: Int, end: Int, x: Int, cut: Int) -> Int:
    """HTTP/1.x, a status of three digits and perhaps a reason; where the next line begins, MORE or NOT."""
    i = at + 3  # behind ICY
    if begins(buf, at, end, VERSION):
        i = at + VERSION_OCTETS
        if i <= end and not is_version(buf, at):
            return NOT
    elif not begins(buf, at, end, VERSION_ICY):
        return NOT
    if i < end and octet(buf, i) != SPACE:
        return NOT
    i = pass_blanks(buf, i, end)
    status = 0
    for place in range(i, min(i + 3, end)):
        digit = octet(buf, place) - 48
        if not 0 <= digit <= 9 or (place == i and digit == 0):
            return NOT
        status = status * 10 + digit
    if i + 3 > end or (i + 3 == end and not cut):
        return MORE
    if i + 3 < end and octet(buf, i + 3) not in (SPACE, TAB, CR, LF):
        return NOT
    x.numbers[STATUS] = status
    upto = end_of_text(buf, i + 3, end)
    if upto == MORE and cut:
        x.kind |= CUT
        return end
    return upto
