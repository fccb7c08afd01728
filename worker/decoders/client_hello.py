"""Kernels: what a ClientHello says, wherever it was found (RFC 8446 section 4.1.2)."""

from worker.decoders.cells import end_text, put
from worker.decoders.ja4 import put_ja4
from worker.decoders.text import put_printable
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, octet

SERVER_NAME, ALPN, SUPPORTED_VERSIONS = 0, 16, 43
HOST_NAME = 0
NAME_MOST = 1024  # octets kept of a server name, and of the protocols offered; ja4.py counts on it
COMMA = 44


@called
def fill_client(buf: Octets, at: Int, end: Int, whole: Int, carrier: Int, x: Int, out: Octets) -> Int:
    """The texts of a ClientHello at its type; false: it is none. Not `whole`: what stands before `end`, and no JA4."""
    if at + 4 < end and octet(buf, at + 4) != 3:
        return False
    if at + 39 > end:
        return not whole
    session = octet(buf, at + 38)
    ciphers = at + 39 + session
    if session > 32:
        return False
    if ciphers + 2 > end:
        return not whole
    methods = ciphers + 2 + be16(buf, ciphers)
    if be16(buf, ciphers) & 1:
        return False
    if methods >= end:
        return not whole
    begin = methods + 1 + octet(buf, methods)
    if begin > end:
        return not whole
    finish = begin
    if begin + 2 <= end:  # before RFC 3546 there were none
        begin += 2
        finish = begin + be16(buf, begin - 2)
    known = min(finish, end)
    put_server_name(out, x, buf, begin, known)
    put_alpn(out, x, buf, begin, known)
    if whole and finish <= end:
        put_ja4(out, x, buf, at + 4, ciphers, begin, finish, carrier)
    return True


@called
def extension(buf: Octets, at: Int, end: Int, kind: Int) -> tuple[Int, Int]:
    """The body of the first extension of a kind, where it begins and ends; (0, 0): there is none."""
    while at + 4 <= end:
        body = at + 4
        behind = body + be16(buf, at + 2)
        if behind > end:
            break
        if be16(buf, at) == kind:
            return body, behind
        at = behind
    return 0, 0


@inlined
def put_server_name(out: Octets, x: Int, buf: Octets, at: Int, end: Int) -> None:
    """Text 0: the first host name (RFC 6066 section 3), unless it is empty."""
    body, behind = extension(buf, at, end, SERVER_NAME)
    place = body + 2
    while place + 3 <= behind:
        name = place + 3
        place = name + be16(buf, name - 2)
        if octet(buf, name - 3) == HOST_NAME:
            if name < place <= behind:
                start = x.used
                put_printable(out, x, buf, name, min(place, name + NAME_MOST))
                x.used = min(x.used, start + NAME_MOST)
                end_text(x, 0, start)
            break


@inlined
def put_alpn(out: Octets, x: Int, buf: Octets, at: Int, end: Int) -> None:
    """Text 1: all protocols of the extension (RFC 7301 section 3.1) with commas between, if there are any."""
    body, behind = extension(buf, at, end, ALPN)
    place = body + 2
    start = x.used
    while place < behind and place + 1 + octet(buf, place) <= behind and x.used < start + NAME_MOST:
        if x.used > start:
            put(out, x, COMMA)
        name = place + 1
        place = name + octet(buf, place)
        put_printable(out, x, buf, name, place)
    if x.used > start:
        x.used = min(x.used, start + NAME_MOST)
        end_text(x, 1, start)
