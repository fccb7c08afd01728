"""RADIUS messages (RFC 2865, RFC 2866): who logs in, and the address given (kernel).

`read_radius` fills ident, the code, and the attributes that the record has a field for.
"""

from worker.decoders.cells import ABSENT, end_text
from worker.decoders.text import put_printable
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, be32, octet

NOT_RADIUS, REQUEST, REPLY = 0, 1, 2
USER_NAME, SESSION_ID = 0, 1
CODE, SERVICE_TYPE, FRAMED_ADDRESS, FRAMED_MASK, FRAMED_PROTOCOL, ACCOUNTING_STATUS = 0, 1, 2, 3, 4, 5
HEADER_BYTES, MESSAGE_MOST = 20, 4096
# Access, accounting, server status, disconnect and change of authorization (RFC 2865, 2866, 5997, 5176).
REQUESTS = (1, 4, 12, 40, 43)
REPLIES = (2, 3, 5, 11, 41, 42, 44, 45)
NOWHERE = -1
ABSENT_FROM = 2**32 - 1


@called
def read_radius(buf: Octets, at: Int, end: Int, x: Int, out: Octets) -> Int:
    """One message: NOT_RADIUS, REQUEST or REPLY. One cut by the capture is read as far as it goes."""
    if at + HEADER_BYTES > end:
        return NOT_RADIUS
    code, length = octet(buf, at), be16(buf, at + 2)
    asks = code in REQUESTS
    if not HEADER_BYTES <= length <= MESSAGE_MOST or not (asks or code in REPLIES):
        return NOT_RADIUS
    first, last = at + HEADER_BYTES, min(end, at + length)
    if at + length <= end and not is_whole(buf, first, last):
        return NOT_RADIUS
    x.ident = octet(buf, at + 1)
    x.numbers[CODE] = code
    note_number(buf, first, last, 6, SERVICE_TYPE, x)
    note_number(buf, first, last, 7, FRAMED_PROTOCOL, x)  # kprobe reads 10, Framed-Routing
    note_number(buf, first, last, 8, FRAMED_ADDRESS, x)
    note_mask(buf, first, last, x)
    if x.numbers[FRAMED_ADDRESS] == ABSENT:
        x.numbers[FRAMED_ADDRESS] = 0
    note_number(buf, first, last, 40, ACCOUNTING_STATUS, x)
    put_attribute(buf, find_attribute(buf, first, last, 1), USER_NAME, x, out)
    put_attribute(buf, find_attribute(buf, first, last, 44), SESSION_ID, x, out)
    return REQUEST if asks else REPLY


@inlined
def is_whole(buf: Octets, at: Int, end: Int) -> Int:
    """Whether attributes fill buf[at:end] exactly (RFC 2865 section 5)."""
    while at + 2 <= end and octet(buf, at + 1) >= 2:
        at += octet(buf, at + 1)
    return at == end


@inlined
def find_attribute(buf: Octets, at: Int, end: Int, kind: Int) -> Int:
    """Where the first attribute `kind` begins, all of it there, or NOWHERE."""
    while at + 2 <= end:
        size = octet(buf, at + 1)
        if size < 2 or at + size > end:
            break
        if octet(buf, at) == kind:
            return at
        at += size
    return NOWHERE


@inlined
def note_number(buf: Octets, at: Int, end: Int, kind: Int, cell: Int, x: Int) -> None:
    """An attribute of four octets; of another length it says nothing."""
    place = find_attribute(buf, at, end, kind)
    if place != NOWHERE and octet(buf, place + 1) == 6 and be32(buf, place + 2) < ABSENT_FROM:
        x.numbers[cell] = be32(buf, place + 2)


@inlined
def note_mask(buf: Octets, at: Int, end: Int, x: Int) -> None:
    """Framed-IP-Netmask, 0 where there is none: all ones are a mask."""
    place = find_attribute(buf, at, end, 9)
    has_mask = place != NOWHERE and octet(buf, place + 1) == 6
    x.numbers[FRAMED_MASK] = be32(buf, place + 2) if has_mask else 0


@inlined
def put_attribute(buf: Octets, at: Int, cell: Int, x: Int, out: Octets) -> None:
    """The text of the attribute at `at`."""
    if at == NOWHERE:
        return
    start = x.used
    put_printable(out, x, buf, at + 2, at + octet(buf, at + 1))
    end_text(x, cell, start)
