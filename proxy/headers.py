"""Headers as they go on: hop-by-hop ones removed (RFC 9110 section 7.6.1), framing taken at one word only; pure."""

from collections.abc import Iterable

import h11

Pairs = list[tuple[bytes, bytes]]
VIA = (b"Via", b"1.1 flowherd")
HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization",
    b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
})  # fmt: skip
ESSENTIAL = frozenset({b"content-length", b"transfer-encoding", b"host"})


def framing_fault(message: h11.Request | h11.Response) -> str | None:
    """What two parsers might read in two ways (RFC 9112 section 6.3); None: nothing."""
    names = {name for name, _ in message.headers}
    if b"transfer-encoding" in names:
        if b"content-length" in names:
            return "Content-Length and Transfer-Encoding together"
        if message.http_version < b"1.1":
            return "Transfer-Encoding in HTTP/1.0"
    if isinstance(message, h11.Request) and message.method == b"CONNECT" and has_body(message):
        return "CONNECT with a body"
    if connection_options(message.headers) & ESSENTIAL:
        return "Connection names a header that every hop needs"
    return None


def connection_options(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """The headers that Connection says are for this hop alone."""
    listed = (value.lower().split(b",") for name, value in headers if name == b"connection")
    return frozenset(option.strip() for options in listed for option in options)


def size(request: h11.Request) -> int:
    """Octets of its head: h11 limits only what is not complete yet."""
    return len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers)


def has_body(request: h11.Request) -> bool:
    """Whether its head announces one."""
    lengths = (value for name, value in request.headers if name == b"content-length")
    return is_chunked(request) or any(int(length) for length in lengths)


def is_chunked(message: h11.Request | h11.Response) -> bool:
    """Whether its body's end is marked by a last chunk."""
    return any(name == b"transfer-encoding" for name, _ in message.headers)


def onward(request: h11.Request, authority: str) -> Pairs:
    """The request's headers for the destination: Host as the URL says, one request a connection."""
    dropped = {b"host"} | ({b"expect"} if request.http_version < b"1.1" else set())
    framing = [(b"Transfer-Encoding", b"chunked")] if is_chunked(request) else []
    kept = _end_to_end(request, dropped)
    return [(b"Host", authority.encode("ascii")), *kept, *framing, VIA, (b"Connection", b"close")]


def back(response: h11.Response | h11.InformationalResponse) -> Pairs:
    """The response's headers for the client; h11 adds the framing the client understands."""
    return [*_end_to_end(response, set()), VIA]


def _end_to_end(
    message: h11.Request | h11.Response | h11.InformationalResponse, dropped: set[bytes]
) -> Pairs:
    dropped = dropped | HOP_BY_HOP | connection_options(message.headers)
    return [pair for pair in message.headers.raw_items() if pair[0].lower() not in dropped]
