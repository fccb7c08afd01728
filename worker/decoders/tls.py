"""Kernels: the hellos of TLS, from the record header on (step 5). RFC 8446, 5246, 6066, 7301.

A hello may span records, and records may hold more than the hello. Nothing behind the hello is asked for: the octets
returned end with it, often inside a record, and whoever called need not come back. `cut`: no more octets will ever
come (a snapped capture, a gap, 8 KiB gathered); then what can be read is read, all octets count as consumed, and there
is no MORE.
"""

from worker.decoders.cells import OUT_BYTES
from worker.decoders.client_hello import SUPPORTED_VERSIONS, extension, fill_client, put_alpn
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, octet

MORE, NOT = 0, -1
ALERT, HANDSHAKE = 21, 22
CLIENT_HELLO, SERVER_HELLO = 1, 2
HELLO_MOST = 8192  # octets of a hello put together from records
UNFRAMED = OUT_BYTES - HELLO_MOST  # where in `out` that happens, behind the texts and the lists of JA4
RECORD_MOST = 1 << 14
WARNINGS = 4
TLS, QUIC = 116, 113  # t and q, as JA4 begins


@inlined
def looks_like_tls(buf: Octets, at: Int, end: Int) -> Int:
    """A handshake record that begins with a hello: six octets are looked at."""
    if at + 6 > end:
        return False
    size = be16(buf, at + 3)
    return (
        octet(buf, at) == HANDSHAKE
        and octet(buf, at + 1) == 3
        and octet(buf, at + 2) <= 4
        and 0 < size <= RECORD_MOST
        and octet(buf, at + 5) in (CLIENT_HELLO, SERVER_HELLO)
    )


@called
def read_client_hello(buf: Octets, at: Int, end: Int, cut: Int, x: Int, out: Octets) -> Int:
    """The ClientHello that opens a stream: texts 0 SNI, 1 ALPN offered, 2 JA4_r. Octets up to its end, MORE or NOT."""
    size, have, behind, copied = hello_place(buf, at, end, CLIENT_HELLO, out)
    if size == NOT or (cut and have == 0):
        return NOT
    whole = size > 0 and have == size
    if not (whole or cut):
        return MORE
    start = UNFRAMED if copied else at + 5
    source = out if copied else buf
    if not fill_client(source, start, start + have, whole, TLS, x, out):
        return NOT
    x.kind = CLIENT_HELLO
    return behind - at if whole else end - at


@called
def read_server_hello(buf: Octets, at: Int, end: Int, cut: Int, x: Int, out: Octets) -> Int:
    """A ServerHello, warnings before it passed over: numbers 0 version, 1 cipher; text 1 ALPN chosen, where it is open.

    A HelloRetryRequest is a ServerHello (RFC 8446 section 4.1.4) and names the same version and cipher.
    """
    first = pass_warnings(buf, at, end)
    size, have, behind, copied = hello_place(buf, first, end, SERVER_HELLO, out)
    if size == NOT or (cut and have == 0):
        return NOT
    whole = size > 0 and have == size
    if not (whole or cut):
        return MORE
    start = UNFRAMED if copied else first + 5
    source = out if copied else buf
    if not fill_server(source, start, start + have, whole, x, out):
        return NOT
    x.kind = SERVER_HELLO
    return behind - at if whole else end - at


@inlined
def read_hello_message(buf: Octets, at: Int, end: Int, x: Int, out: Octets) -> Int:
    """A ClientHello without records, as QUIC carries it: like `read_client_hello`, its JA4_r begins with q."""
    if at < end and octet(buf, at) != CLIENT_HELLO:
        return NOT
    if at + 4 > end:
        return MORE
    behind = at + message_size(buf, at)
    if behind > end:
        return MORE
    if not fill_client(buf, at, behind, True, QUIC, x, out):
        return NOT
    x.kind = CLIENT_HELLO
    return behind - at


@inlined
def message_size(buf: Octets, at: Int) -> Int:
    """Octets of a handshake message with its header of four."""
    return 4 + (octet(buf, at + 1) << 16 | be16(buf, at + 2))


@inlined
def hello_place(buf: Octets, at: Int, end: Int, kind: Int, out: Octets) -> tuple[Int, Int, Int, Int]:
    """The message in the records from `at` on: (octets of it, octets there, where it ends, whether it is a copy).

    Octets of it are NOT if it is none, 0 while unknown. It is read in place when the first record holds all of it,
    else it is copied to `out` at UNFRAMED.
    """
    if not may_be_handshake(buf, at, end) or (at + 5 < end and octet(buf, at + 5) != kind):
        return NOT, 0, at, False
    if at + 9 <= end and be16(buf, at + 3) >= 4:
        size = message_size(buf, at + 5)
        if size > 1 << 17:  # both lists of a hello at their longest
            return NOT, 0, at, False
        if size <= be16(buf, at + 3):
            return size, min(size, end - at - 5), at + 5 + size, False
    return unframe(buf, at, end, out)


@inlined
def may_be_handshake(buf: Octets, at: Int, end: Int) -> Int:
    """A handshake record of SSL 3.0 or later begins here, as far as there are octets to tell."""
    if at < end and octet(buf, at) != HANDSHAKE:
        return False
    if at + 1 < end and octet(buf, at + 1) != 3:
        return False
    if at + 2 < end and octet(buf, at + 2) > 4:
        return False
    return at + 5 > end or 0 < be16(buf, at + 3) <= RECORD_MOST


@inlined
def unframe(buf: Octets, at: Int, end: Int, out: Octets) -> tuple[Int, Int, Int, Int]:
    """Copy one handshake message out of consecutive records, HELLO_MOST octets of it at most."""
    size, have, left = 0, 0, 0
    while at < end and not (size and have == min(size, HELLO_MOST)):
        if left == 0:
            if not may_be_handshake(buf, at, end):
                return NOT, 0, at, True
            if at + 5 > end:
                break
            left = be16(buf, at + 3)
            at += 5
        else:
            out[UNFRAMED + have] = buf[at]
            have += 1
            left -= 1
            at += 1
            if have == 4:
                size = message_size(out, UNFRAMED)
    return size, have, at, True


@inlined
def pass_warnings(buf: Octets, at: Int, end: Int) -> Int:
    """Where the first record behind alerts of level warning begins: servers warn of an unknown name (RFC 6066)."""
    for _ in range(WARNINGS):
        if at >= end or octet(buf, at) != ALERT:
            break
        if at + 7 > end:
            return end
        if be16(buf, at + 3) != 2 or octet(buf, at + 5) != 1:
            break
        at += 7
    return at


@inlined
def fill_server(buf: Octets, at: Int, end: Int, whole: Int, x: Int, out: Octets) -> Int:
    """The cells of a ServerHello (RFC 8446 section 4.1.3) at its type; false: it is none."""
    if at + 6 <= end and octet(buf, at + 4) != 3:
        return False
    if at + 39 > end:
        return not whole
    session = octet(buf, at + 38)
    cipher = at + 39 + session
    if session > 32:
        return False
    if cipher + 2 > end:
        return not whole
    x.numbers[1] = be16(buf, cipher)
    begin = min(cipher + 5, end)
    version, behind = extension(buf, begin, end, SUPPORTED_VERSIONS)
    if version + 2 <= behind:
        x.numbers[0] = be16(buf, version)
    elif whole or be16(buf, at + 4) < 0x0303:  # behind a cut, 1.2 may yet be 1.3
        x.numbers[0] = be16(buf, at + 4)
    put_alpn(out, x, buf, begin, end)
    return True
