"""The allow-list: which hosts and ports may be reached through us; pure."""

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_PLACE = re.compile(r"(?P<host>\[[^][]*\]|[^][:]*)(:(?P<port>[0-9]{1,5}))?")
PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class Entry:
    """One `--allow`: a host, with those `below` it or alone; `port` None: the usual ones."""

    host: str
    below: bool
    port: int | None = None

    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'.' if self.below else ''}{shown}{'' if self.port is None else f':{self.port}'}"

    def covers(self, host: str) -> bool:
        """Whether this host is meant."""
        return host == self.host or (self.below and host.endswith(f".{self.host}"))

    def opens(self, port: int, usual: Collection[int]) -> bool:
        """Whether this port is meant."""
        return port in usual if self.port is None else port == self.port


@dataclass(frozen=True, slots=True)
class Verdict:
    """May it be reached; `named`: an entry means this very host, so that it may be a private address; else why not."""

    allowed: bool
    named: bool = False
    why: str = ""


DEFAULT = (Entry("kentik.com", below=True), Entry("kentik.eu", below=True))


def judge(entries: Iterable[Entry], host: str, port: int, usual: Collection[int]) -> Verdict:
    """The allow-list's word on one destination."""
    covering = [entry for entry in entries if entry.covers(host)]
    if not covering:
        return Verdict(allowed=False, why=f"host {host} is not on this proxy's allow-list")
    opening = [entry for entry in covering if entry.opens(port, usual)]
    if not opening:
        return Verdict(allowed=False, why=f"port {port} of {host} is not on this proxy's allow-list")
    return Verdict(allowed=True, named=any(not entry.below for entry in opening))


def parse_entry(text: str) -> Entry:
    """`.kentik.com`, `api.kentik.com`, `.kentik.com:8443`, `[2001:db8::1]:443`; ValueError with a sentence."""
    below = text.startswith(".")
    host, port = split_place(text[1:] if below else text)
    if host is None or (below and is_address(host)):
        hint = "; write .example.com for a domain and all below it" if "*" in text else ""
        raise ValueError(f"{text!r} is neither a host nor a domain with a dot in front{hint}")
    return Entry(host, below, port)


def split_place(text: str) -> tuple[str | None, int | None]:
    """Host and port of `host:port`, `host`, `[v6]:port` or `v6`; host None: it is none; ValueError: a bad port."""
    if text.count(":") > 1 and not text.startswith("["):
        return plain_host(f"[{text}]"), None
    match = _PLACE.fullmatch(text)
    if match is None:
        return None, None
    return plain_host(match["host"]), None if match["port"] is None else port_number(match["port"])


def port_number(text: str) -> int:
    """1 to 65535; ValueError with a sentence."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= PORT_MAX:
        raise ValueError(f"{text} is no port")
    return int(text)


def plain_host(text: str) -> str | None:
    """One spelling of a host: lower case, no dot at the end, addresses compressed; None: it is none."""
    if text.startswith("["):
        return _address6(text[1:-1]) if text.endswith("]") else None
    name = text.lower().removesuffix(".")
    return name if name.isascii() and _NAME.fullmatch(name) else None


def is_address(host: str) -> bool:
    """Whether it is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _address6(text: str) -> str | None:
    try:
        return None if "%" in text else ipaddress.IPv6Address(text).compressed
    except ValueError:
        return None
