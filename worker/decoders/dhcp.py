"""DHCP messages (RFC 2131, RFC 2132): who asked for an address and what was given (kernel).

`read_dhcp` fills ident, the operation, message type, addresses and lease, and the client's MAC, host name and domain.
"""

from worker.decoders.cells import end_text
from worker.decoders.text import put_mac, put_printable
from worker.jit import called, inlined
from worker.octets import Int, Octets, be32, octet

NOT_DHCP, REQUEST, REPLY = 0, 1, 2
MAC, HOST_NAME, DOMAIN = 0, 1, 2
OP, MESSAGE_TYPE, CLIENT, YOURS, SERVER, LEASE = 0, 1, 2, 3, 4, 5
COOKIE, COOKIE_AT, OPTIONS_AT = 0x63825363, 236, 240
SERVER_NAME_AT, FILE_AT = 44, 108  # fields that may hold options too
IN_FILE, IN_SERVER_NAME = 1, 2
PAD, HOST_NAME_OPTION, DOMAIN_OPTION, LEASE_OPTION, OVERLOAD, TYPE_OPTION, END = 0, 12, 15, 51, 52, 53, 255
NOWHERE = -1
LONGEST = 2**32 - 2  # what a number cell holds; the lease without end is one more


@called
def read_dhcp(buf: Octets, at: Int, end: Int, x: Int, out: Octets) -> Int:
    """One message: NOT_DHCP, REQUEST or REPLY."""
    if at + OPTIONS_AT > end or be32(buf, at + COOKIE_AT) != COOKIE:
        return NOT_DHCP
    operation = octet(buf, at)
    if operation not in (REQUEST, REPLY):
        return NOT_DHCP
    x.ident = (be32(buf, at + 30) & 0x7FFFFFFF) << 32 | be32(buf, at + 4)  # the MAC's last octets, and xid
    x.numbers[OP] = operation
    note_address(buf, at + 12, CLIENT, x)
    note_address(buf, at + 16, YOURS, x)
    note_address(buf, at + 20, SERVER, x)
    kind = find_option(buf, at, end, TYPE_OPTION)
    if kind != NOWHERE and octet(buf, kind + 1) == 1:
        x.numbers[MESSAGE_TYPE] = octet(buf, kind + 2)
    lease = find_option(buf, at, end, LEASE_OPTION)
    if lease != NOWHERE and octet(buf, lease + 1) == 4:
        x.numbers[LEASE] = min(be32(buf, lease + 2), LONGEST)
    if octet(buf, at + 2) == 6:
        put_mac(out, x, buf, at + 28)
        end_text(x, MAC, 0)
    put_option(buf, find_option(buf, at, end, HOST_NAME_OPTION), HOST_NAME, x, out)
    put_option(buf, find_option(buf, at, end, DOMAIN_OPTION), DOMAIN, x, out)
    return operation


@inlined
def note_address(buf: Octets, at: Int, cell: Int, x: Int) -> None:
    """An address field; all zeros and all ones are no host's, and 0 says so."""
    x.numbers[cell] = be32(buf, at) if be32(buf, at) <= LONGEST else 0


@inlined
def find_option(buf: Octets, at: Int, end: Int, code: Int) -> Int:
    """Where the option `code` is in the message at `at`, or NOWHERE."""
    found = walk_options(buf, at + OPTIONS_AT, end, code)
    if found != NOWHERE:
        return found
    overload = walk_options(buf, at + OPTIONS_AT, end, OVERLOAD)
    if overload == NOWHERE or octet(buf, overload + 1) != 1:
        return NOWHERE
    fields = octet(buf, overload + 2)
    if fields & IN_FILE:
        found = walk_options(buf, at + FILE_AT, at + COOKIE_AT, code)
    if found == NOWHERE and fields & IN_SERVER_NAME:
        found = walk_options(buf, at + SERVER_NAME_AT, at + FILE_AT, code)
    return found


@inlined
def walk_options(buf: Octets, at: Int, end: Int, code: Int) -> Int:
    """Where the first option `code` of buf[at:end] begins, all of it there, or NOWHERE."""
    while at < end:
        if octet(buf, at) == PAD:
            at += 1
            continue
        if octet(buf, at) == END or at + 2 > end or at + 2 + octet(buf, at + 1) > end:
            break
        if octet(buf, at) == code:
            return at
        at += 2 + octet(buf, at + 1)
    return NOWHERE


@inlined
def put_option(buf: Octets, at: Int, cell: Int, x: Int, out: Octets) -> None:
    """The text of the option at `at` without the zeros some end it with (RFC 2132 section 2)."""
    if at == NOWHERE:
        return
    start, end = x.used, at + 2 + octet(buf, at + 1)
    while end > at + 2 and octet(buf, end - 1) == 0:
        end -= 1
    put_printable(out, x, buf, at + 2, end)
    end_text(x, cell, start)
