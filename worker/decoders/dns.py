"""DNS messages (RFC 1035): a question and, in a response, what was answered (kernel).

`read_dns` fills ident, kind (the opcode), the query type and name of the last question and, of a response, the
rcode and the answers: value/TYPE joined by ";", an empty item for a type that is not written out. With x.packed the
answers are those of `flowherd dns`: a tag, the TTL and the address of each A and AAAA record.
"""

from worker.decoders.cells import TEXT_MOST, end_text, put
from worker.decoders.dns_name import UNREADABLE, pass_name, put_name, put_query_name
from worker.decoders.text import put_ipv4, put_ipv6, put_printable, put_word
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, octet

NOT_DNS, QUERY, RESPONSE = 0, 1, 2
QUERY_NAME, ANSWERS = 0, 1
QUERY_TYPE, RCODE = 0, 1
HEADER_BYTES, QUESTION_LEAST, RECORD_LEAST, MESSAGE_MOST = 12, 5, 11, 65535
IS_RESPONSE, STATEFUL = 0x8000, 6
A, NS, CNAME, PTR, MX, TXT, AAAA = 1, 2, 5, 12, 15, 16, 28
SEMICOLON = 0x3B
SLASH_A, SLASH_AAAA, SLASH_MX, SLASH_TXT, SLASH_NS, SLASH_CNAME, SLASH_PTR = (
    int.from_bytes(word, "little") for word in (b"/A", b"/AAAA", b"/MX", b"/TXT", b"/NS", b"/CNAME", b"/PTR")
)


@called
def read_dns(buf: Octets, at: Int, end: Int, x: Int, out: Octets) -> Int:
    """One message, without the length that stands before it over TCP: NOT_DNS, QUERY or RESPONSE.

    Every question must be there; what follows may be cut or unreadable, and answers are written as far as they go.
    """
    if at + HEADER_BYTES > end:
        return NOT_DNS
    flags = be16(buf, at + 2)
    questions, answers = be16(buf, at + 4), be16(buf, at + 6)
    records = answers + be16(buf, at + 8) + be16(buf, at + 10)
    asked = HEADER_BYTES + questions * QUESTION_LEAST
    if asked > end - at or asked + records * RECORD_LEAST > MESSAGE_MOST:
        return NOT_DNS
    behind = read_questions(buf, at, end, questions, x, out)
    if behind == UNREADABLE or (questions == 0 and not has_sense(buf, behind, end, flags, records)):
        return NOT_DNS
    x.ident = be16(buf, at)
    x.kind = flags >> 11 & 15
    if flags < IS_RESPONSE:
        return QUERY
    x.numbers[RCODE] = flags & 15
    if answers and not (x.packed and x.kind):  # Kentik is sent the answers to queries alone
        read_answers(buf, at, behind, end, answers, x, out)
    return RESPONSE


@inlined
def has_sense(buf: Octets, at: Int, end: Int, flags: Int, records: Int) -> Int:
    """Whether a header without questions may be one: a record follows, or it needs none.

    None have a response that is an error and a stateful operation (RFC 8490 section 5.4).
    """
    if records == 0:
        return flags >> 11 & 15 == STATEFUL or (flags >= IS_RESPONSE and flags & 15 != 0)
    fixed = pass_name(buf, at, end)
    return fixed != UNREADABLE and fixed + RECORD_LEAST - 1 <= end


@called
def read_questions(buf: Octets, head: Int, end: Int, questions: Int, x: Int, out: Octets) -> Int:
    """Name and type of the last question; where the questions end, or UNREADABLE."""
    at = head + HEADER_BYTES
    for _ in range(questions - 1):
        at = pass_name(buf, at, end)
        if at == UNREADABLE or at + 4 > end:
            return UNREADABLE
        at += 4
    if questions == 0:
        return at
    at = put_query_name(out, x, buf, head, at, end)
    if at == UNREADABLE or at + 4 > end:
        return UNREADABLE
    end_text(x, QUERY_NAME, 0)
    x.numbers[QUERY_TYPE] = be16(buf, at)
    return at + 4


@called
def read_answers(buf: Octets, head: Int, at: Int, end: Int, answers: Int, x: Int, out: Octets) -> None:
    """The answers that are there whole and find room, up to the first that cannot be read."""
    start = x.used
    for place in range(answers):
        fixed = pass_name(buf, at, end)
        if fixed == UNREADABLE or fixed + RECORD_LEAST - 1 > end:
            break
        at = fixed + RECORD_LEAST - 1 + be16(buf, fixed + 8)
        if at > end:
            break
        before = x.used
        if place and not x.packed:
            put(out, x, SEMICOLON)
        readable = (
            put_packed(buf, fixed, at, x, out) if x.packed else put_answer(buf, head, fixed, at, end, x, out)
        )
        if not readable or (place and x.used - start > TEXT_MOST):
            x.used = before
            break
    end_text(x, ANSWERS, start)


@called
def put_answer(buf: Octets, head: Int, fixed: Int, behind: Int, end: Int, x: Int, out: Octets) -> Int:
    """Append value/TYPE of the record whose type is at `fixed`; whether it can be read."""
    kind, data = be16(buf, fixed), fixed + RECORD_LEAST - 1
    if kind == A and behind - data == 4:
        put_ipv4(out, x, buf, data)
        put_word(out, x, SLASH_A)
    elif kind == AAAA and behind - data == 16:
        put_ipv6(out, x, buf, data)
        put_word(out, x, SLASH_AAAA)
    elif kind in (CNAME, NS, PTR, MX):
        name = data + (2 if kind == MX else 0)
        return put_target(buf, head, name, behind, end, kind, x, out)
    elif kind == TXT:
        return put_chunks(buf, data, behind, x, out)
    return True


@inlined
def put_packed(buf: Octets, fixed: Int, behind: Int, x: Int, out: Octets) -> Int:
    """Append 4 or 6, the TTL and the address of an A or AAAA record; of others nothing."""
    kind, data = be16(buf, fixed), fixed + RECORD_LEAST - 1
    size = behind - data
    if (kind == A and size == 4) or (kind == AAAA and size == 16):
        put(out, x, 4 if kind == A else 6)
        for i in range(fixed + 4, fixed + 8):
            put(out, x, octet(buf, i))
        for i in range(data, behind):
            put(out, x, octet(buf, i))
    return True


@inlined
def put_target(buf: Octets, head: Int, at: Int, behind: Int, end: Int, kind: Int, x: Int, out: Octets) -> Int:
    """Append the name that a record points to; it may go on anywhere in the message, but ends here."""
    ended = put_name(out, x, buf, head, at, end)
    if ended == UNREADABLE or ended > behind:
        return False
    if kind == CNAME:
        put_word(out, x, SLASH_CNAME)
    elif kind == NS:
        put_word(out, x, SLASH_NS)
    elif kind == PTR:
        put_word(out, x, SLASH_PTR)
    else:
        put_word(out, x, SLASH_MX)
    return True


@inlined
def put_chunks(buf: Octets, at: Int, end: Int, x: Int, out: Octets) -> Int:
    """Append the strings of a TXT record as one (RFC 1035 section 3.3.14)."""
    while at < end:
        size = octet(buf, at)
        if at + 1 + size > end:
            return False
        put_printable(out, x, buf, at + 1, at + 1 + size)
        at += 1 + size
    put_word(out, x, SLASH_TXT)
    return True
