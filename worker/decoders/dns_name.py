"""Domain names in a DNS message: passed over, or followed and written (kernel)."""

from worker.decoders.cells import put
from worker.decoders.text import DOT, put_printable, put_word
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, octet

UNREADABLE = -1
POINTER = 0xC0
LABEL_MOST, NAME_MOST, POINTERS_MOST = 63, 255, 32
ROOT = int.from_bytes(b"<Root>", "little")


@called
def pass_name(buf: Octets, at: Int, end: Int) -> Int:
    """Where the name at `at` ends (RFC 1035 section 4.1.4), or UNREADABLE."""
    while at < end:
        size = octet(buf, at)
        if size == 0:
            return at + 1
        if size >= POINTER:
            return at + 2 if at + 2 <= end else UNREADABLE
        if size > LABEL_MOST:
            return UNREADABLE
        at += 1 + size
    return UNREADABLE


@called
def put_name(out: Octets, x: Int, buf: Octets, head: Int, at: Int, end: Int) -> Int:
    """Append the name at `at` of the message at `head`, without the last dot; where it ends, or UNREADABLE.

    Labels are written as they are, a dot inside one too: this is how tshark prints them.
    """
    behind = UNREADABLE
    pointers = 0
    octets = 1  # of the name, the root's included
    while at < end:
        size = octet(buf, at)
        if size == 0:
            return at + 1 if behind == UNREADABLE else behind
        if size >= POINTER:
            pointers += 1
            if pointers > POINTERS_MOST or at + 2 > end:
                return UNREADABLE
            if behind == UNREADABLE:
                behind = at + 2
            at = head + (be16(buf, at) & 0x3FFF)
            continue
        if octets > 1:
            put(out, x, DOT)
        octets += 1 + size
        if size > LABEL_MOST or octets > NAME_MOST or at + 1 + size > end:
            return UNREADABLE
        put_printable(out, x, buf, at + 1, at + 1 + size)
        at += 1 + size
    return UNREADABLE


@inlined
def put_query_name(out: Octets, x: Int, buf: Octets, head: Int, at: Int, end: Int) -> Int:
    """As put_name; the root, a name without a character, is written <Root>, as tshark does."""
    start = x.used
    behind = put_name(out, x, buf, head, at, end)
    if x.used == start:
        put_word(out, x, ROOT)
    return behind
