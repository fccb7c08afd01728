"""Where a request wants to go, read from its target (RFC 9112 section 3.2); pure."""

from dataclasses import dataclass

from proxy.allow import split_place
from proxy.refusal import Refusal, malformed

CONNECT_PORTS = frozenset({443})
PLAIN_PORTS = frozenset({80, 443})


@dataclass(frozen=True, slots=True)
class Target:
    """A host in one spelling, its port, and for a plain request the Host and the target it is sent on with."""

    host: str
    port: int
    authority: str = ""
    path: str = ""


def of_connect(target: bytes) -> Target:
    """`host:port`; raises Refusal."""
    host, port = _authority(target.decode("latin-1"))
    if port is None:
        raise malformed("CONNECT needs host:port")
    return Target(host, port)


def of_absolute(method: bytes, target: bytes) -> Target:
    """`http://host[:port][/path]`; raises Refusal."""
    scheme, mark, rest = target.decode("latin-1").partition("://")
    if not mark or not scheme.isalpha():
        raise malformed("this is a proxy: a request names a whole URL, http://host/path, or uses CONNECT")
    if scheme.lower() != "http":
        raise malformed(f"{scheme.lower()} URLs go through CONNECT; only http ones can be asked for here")
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    host, port = _authority(rest[:end])
    return Target(host, port or 80, _written(host, port), _origin_form(method, rest[end:]))


def _authority(text: str) -> tuple[str, int | None]:
    try:
        host, port = split_place(text)
    except ValueError as error:
        raise malformed(f"{error}") from error
    if host is None:
        raise _no_host(text)
    return host, port


def _no_host(text: str) -> Refusal:
    return malformed(
        "the URL names a user: leave it out" if "@" in text else "the request names no valid host"
    )


def _written(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _origin_form(method: bytes, path: str) -> str:
    if "#" in path:
        raise malformed("a request's URL has no fragment (#…)")
    if method == b"OPTIONS" and not path:
        return "*"
    return path if path.startswith("/") else f"/{path}"
