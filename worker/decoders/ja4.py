"""Kernels: the raw form of the TLS client fingerprint JA4, JA4_r as FoxIO publishes it (BSD-3-Clause).

`t13d1516h2_CIPHERS_EXTENSIONS_ALGORITHMS`: hexadecimal, commas between, ciphers and extensions sorted, GREASE left
out (RFC 8701), server name and ALPN left out of the extensions. The exporter makes the two digests of it.
"""

from worker.decoders.cells import OUT_BYTES, TEXT_MOST, end_text, put
from worker.decoders.text import put_digit
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, octet

SERVER_NAME, ALGORITHMS, ALPN, SUPPORTED_VERSIONS = 0, 13, 16, 43
LIST_MOST = 512  # ciphers or extensions of a hello; with more there is no fingerprint
# Where in `out` the lists are sorted: behind the texts, before the hello put together there (tls.py).
CIPHERS = OUT_BYTES - 8192 - 4 * LIST_MOST
EXTENSIONS = CIPHERS + 2 * LIST_MOST
NONE = -1
GAPS = (132, 57, 23, 10, 4, 1)  # Ciura's, for Shell's sort: a list made to be slow to sort stays fast
COMMA, UNDERSCORE = 44, 95
DIGIT, DOMAIN, ADDRESS, SSL = 48, 100, 105, 115  # 0 d i s


@called
def put_ja4(
    out: Octets, x: Int, buf: Octets, version: Int, ciphers: Int, begin: Int, end: Int, carrier: Int
) -> None:
    """Text 2, from where a whole ClientHello has its version, its ciphers (their length) and extensions."""
    shown = collect_ciphers(buf, ciphers, out)
    counted, listed, named, alpn, versions, algorithms = collect_extensions(buf, begin, end, out)
    longest = 14 + 5 * (shown + listed) + body_size(buf, algorithms) * 5 // 2
    if NONE in (shown, counted) or longest > TEXT_MOST:
        return
    start = x.used
    put(out, x, carrier)
    put_version(out, x, newest(buf, version, versions))
    put(out, x, DOMAIN if named else ADDRESS)
    put_count(out, x, shown)
    put_count(out, x, counted)
    put_protocol(out, x, buf, alpn)
    put(out, x, UNDERSCORE)
    put_sorted(out, x, CIPHERS, shown)
    put(out, x, UNDERSCORE)
    put_sorted(out, x, EXTENSIONS, listed)
    put_algorithms(out, x, buf, algorithms)
    end_text(x, 2, start)


@inlined
def is_grease(value: Int) -> Int:
    """One of the sixteen values that mean nothing (RFC 8701 section 2)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


@inlined
def body_size(buf: Octets, body: Int) -> Int:
    """Octets of an extension's body, 0 if there is no such extension."""
    return be16(buf, body - 2) if body else 0


@inlined
def collect_ciphers(buf: Octets, at: Int, out: Octets) -> Int:
    """Sort the ciphers; how many, or NONE if there are too many."""
    count = 0
    for place in range(at + 2, at + 2 + be16(buf, at), 2):
        value = be16(buf, place)
        if not is_grease(value):
            if count == LIST_MOST:
                return NONE
            store(out, CIPHERS, count, value)
            count += 1
    sort(out, CIPHERS, count)
    return count


@inlined
def collect_extensions(buf: Octets, at: Int, end: Int, out: Octets) -> tuple[Int, Int, Int, Int, Int, Int]:
    """Sort the extensions: (how many, how many of them listed, server name among them, bodies of three).

    How many is NONE if they are too many or do not end where they should.
    """
    counted, listed = 0, 0
    named, alpn, versions, algorithms = 0, 0, 0, 0
    while at + 4 <= end and listed < LIST_MOST:
        kind = be16(buf, at)
        body = at + 4
        at = body + be16(buf, at + 2)
        if at > end:
            break
        if is_grease(kind):
            continue
        counted += 1
        if kind == SERVER_NAME:
            named = body
        elif kind == ALPN:
            alpn = body
        else:
            store(out, EXTENSIONS, listed, kind)
            listed += 1
        if kind == SUPPORTED_VERSIONS:
            versions = body
        elif kind == ALGORITHMS:
            algorithms = body
    if at != end:
        return NONE, 0, 0, 0, 0, 0
    sort(out, EXTENSIONS, listed)
    return counted, listed, named, alpn, versions, algorithms


@inlined
def store(out: Octets, base: Int, place: Int, value: Int) -> None:
    """Keep a value of 16 bits in a list."""
    out[base + 2 * place] = value >> 8
    out[base + 2 * place + 1] = value & 0xFF


@inlined
def sort(out: Octets, base: Int, count: Int) -> None:
    """Shell's sort of a list."""
    for gap in GAPS:
        for place in range(gap, count):
            value = be16(out, base + 2 * place)
            hole = place
            while hole >= gap and be16(out, base + 2 * (hole - gap)) > value:
                store(out, base, hole, be16(out, base + 2 * (hole - gap)))
                hole -= gap
            store(out, base, hole, value)


@inlined
def newest(buf: Octets, version: Int, versions: Int) -> Int:
    """The highest version offered: of supported_versions (RFC 8446 section 4.2.1), else the old field."""
    highest = 0
    if body_size(buf, versions) > 1:
        for place in range(versions + 1, versions + body_size(buf, versions) - 1, 2):
            value = be16(buf, place)
            if value > highest and not is_grease(value):
                highest = value
    return highest or be16(buf, version)


@inlined
def put_version(out: Octets, x: Int, version: Int) -> None:
    """13 to 10, s3 or 00."""
    if 0x0301 <= version <= 0x0304:
        put(out, x, DIGIT + 1)
        put(out, x, DIGIT + version - 0x0301)
    elif version == 0x0300:
        put(out, x, SSL)
        put(out, x, DIGIT + 3)
    else:
        put(out, x, DIGIT)
        put(out, x, DIGIT)


@inlined
def put_count(out: Octets, x: Int, count: Int) -> None:
    """Two digits, 99 for more."""
    count = min(count, 99)
    put(out, x, DIGIT + count // 10)
    put(out, x, DIGIT + count % 10)


@inlined
def put_protocol(out: Octets, x: Int, buf: Octets, alpn: Int) -> None:
    """First and last character of the first protocol, of its hexadecimal form if one is no letter or digit, or 00."""
    size = octet(buf, alpn + 2) if body_size(buf, alpn) > 2 else 0
    if size == 0 or 3 + size > body_size(buf, alpn):
        put(out, x, DIGIT)
        put(out, x, DIGIT)
        return
    first = octet(buf, alpn + 3)
    last = octet(buf, alpn + 2 + size)
    if is_alphanumeric(first) and is_alphanumeric(last):
        put(out, x, first)
        put(out, x, last)
    else:
        put_digit(out, x, first >> 4)
        put_digit(out, x, last & 15)


@inlined
def is_alphanumeric(code: Int) -> Int:
    """A letter or digit of ASCII."""
    return 48 <= code <= 57 or 65 <= code <= 90 or 97 <= code <= 122


@inlined
def put_algorithms(out: Octets, x: Int, buf: Octets, body: Int) -> None:
    """An underscore and the signature algorithms in their order; nothing if there are none."""
    between = UNDERSCORE
    if body_size(buf, body) >= 4:
        for place in range(body + 2, body + min(body_size(buf, body), 2 + be16(buf, body)) - 1, 2):
            value = be16(buf, place)
            if not is_grease(value):
                put(out, x, between)
                put_hex(out, x, value)
                between = COMMA


@inlined
def put_sorted(out: Octets, x: Int, base: Int, count: Int) -> None:
    """A sorted list with commas between."""
    for place in range(count):
        if place:
            put(out, x, COMMA)
        put_hex(out, x, be16(out, base + 2 * place))


@inlined
def put_hex(out: Octets, x: Int, value: Int) -> None:
    """Four hexadecimal digits."""
    for shift in (12, 8, 4, 0):
        put_digit(out, x, value >> shift & 15)
