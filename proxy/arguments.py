"""Command line of `flowherd proxy`; what a user can get wrong ends in one sentence."""

import argparse
import math
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from proxy import allow, spelling
from proxy.settings import Place, Settings
from shared.errors import Exit

DEFAULTS = Settings()
LEVELS = {"access": "debug", "debug": "debug", "info": "info", "warn": "warning", "warning": "warning"}
QUIET = dict.fromkeys(("error", "panic", "off"), "error")
EVERYWHERE = frozenset({"", "*", "[::]"})
T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """End with the usage exit code."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}; {self.prog} --help lists what there is\n")


def parse(words: Sequence[str]) -> Settings:
    """The settings; ends the process when the words are wrong."""
    top, full = parser(), spelling.in_full(words)
    if name := spelling.elsewhere(full):
        top.error(
            f"-{name} is about kproxy's collecting of flows, which flowherd proxy does not do: leave it out"
        )
    given = top.parse_args(full)
    level = "debug" if given.verbose else given.log_level
    return Settings(
        listen=_listen(given.listen, given.proxy_http, given.host, top),
        status=given.status,
        allow=tuple(given.allow or DEFAULTS.allow),
        level=level,
        **{name: getattr(given, name) for name in (*(item[0] for item in LIMITS), "user")},
    )


def place(text: str) -> Place:
    """`HOST:PORT`, `[V6]:PORT`, `:PORT` for every address; ValueError with a sentence."""
    host, mark, port = text.rpartition(":")
    plain = "" if host in EVERYWHERE else allow.plain_host(host)
    if not mark or "]" in port or plain is None:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return Place(plain, _listening_port(port))


def kproxy_place(text: str, host: str | None) -> Place:
    """What kproxy's `-proxy-http` means: `:PORT` is every address or `-host`, `PORT` alone is `-host` or 127.0.0.1."""
    if ":" in text.removeprefix(":"):
        return place(text)
    port = _listening_port(text.removeprefix(":"))
    if host is None:
        return Place("", port) if text.startswith(":") else Place(DEFAULTS.listen.host, port)
    return place(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _listening_port(text: str) -> int:
    return 0 if text == "0" else allow.port_number(text or "nothing")


def _listen(own: Place | None, kproxys: str | None, host: str | None, top: Parser) -> Place:
    if own and (kproxys or host):
        top.error("--listen already says where: leave out -proxy-http and -host")
    try:
        return own or kproxy_place(kproxys or str(DEFAULTS.listen.port), host)
    except ValueError as error:
        top.error(f"argument {'-proxy-http' if kproxys else '-host'}: {error}")


def _checked(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader whose ValueError is the sentence."""

    def checked(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        raise ValueError(f"{text!r} is no whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    value = float(text) if text.replace(".", "", 1).isdigit() and text.isascii() else math.nan
    if not 0 < value <= 86400:
        raise ValueError(f"{text!r} is no number of seconds above 0 and up to a day")
    return value


def _status(text: str) -> Place | None:
    return None if text == "off" else place(text)


def _level(text: str) -> str:
    if text not in LEVELS | QUIET:
        raise ValueError(f"{text!r} is none of {', '.join(LEVELS | QUIET)}")
    return (LEVELS | QUIET)[text]


LIMITS = (
    ("max_connections", _whole, "N", "clients at a time; more get 503"),
    ("idle_s", _seconds, "S", "a connection over which nothing moves is closed"),
    ("head_s", _seconds, "S", "time a client has for the head of a request"),
    ("head_bytes", _whole, "BYTES", "size of that head; more gets 431"),
    ("connect_s", _seconds, "S", "time to find and reach the destination"),
    ("drain_s", _seconds, "S", "time that open connections have after SIGTERM"),
)


def parser() -> Parser:
    """All options; one dash or two, `_` or `-`, value after a space or `=`."""
    top = Parser(prog="flowherd proxy", description=ABOUT, epilog=LAST, add_help=False, allow_abbrev=False)
    _add_places(top.add_argument_group("where, and for what"))
    _add_limits(top.add_argument_group("limits"))
    _add_kproxys(top.add_argument_group("kproxy's, so that its command line goes on working"))
    return top


def _add_places(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--listen", type=_checked(place), metavar="HOST:PORT", help="127.0.0.1:3182; :3182 is every address"
    )
    group.add_argument(
        "--allow", type=_checked(allow.parse_entry), action="append", metavar="HOST[:PORT]", help=ALLOW
    )
    group.add_argument(
        "--status", type=_checked(_status), default=DEFAULTS.status, metavar="HOST:PORT",
        help="/v1/health and /metrics; 127.0.0.1:3183, or off",
    )  # fmt: skip
    group.add_argument(
        "--user",
        default=DEFAULTS.user,
        metavar="NAME",
        help="whom to become when started by root (%(default)s)",
    )
    group.add_argument("-v", "--verbose", action="count", default=0, help="a line for every connection")
    group.add_argument("-h", "--help", action="help", help="this text")


def _add_limits(group: argparse._ArgumentGroup) -> None:
    for name, read, unit, about in LIMITS:
        default = getattr(DEFAULTS, name)
        group.add_argument(
            f"--{name.replace('_', '-')}", type=_checked(read), default=default, metavar=unit,
            help=f"{about} ({default:g})",
        )  # fmt: skip


def _add_kproxys(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--proxy-http", metavar="[HOST]:PORT", help="as --listen; with no host: -host, or every address"
    )
    group.add_argument("--host", metavar="HOST", help="where -proxy-http listens if it does not say")
    group.add_argument(
        "--log-level", type=_checked(_level), default=DEFAULTS.level, metavar="LEVEL", help="access to off"
    )
    unused = "accepted and not used: credentials are the agents' own, end to end"
    group.add_argument("--api-email", metavar="EMAIL", help=unused)
    group.add_argument("--api-token", metavar="TOKEN", help=f"{unused}; also KENTIK_API_TOKEN")
    for name in ("--api", "--region"):
        group.add_argument(name, help="accepted and not used")
    for name in ("--fg", "--stdout"):
        group.add_argument(name, action="store_true", help="accepted and not used")


ABOUT = (
    "A forward HTTP proxy for many hosts' agents, in kproxy's place: CONNECT and plain requests, "
    "to the domains allowed and nowhere else. TLS goes through unopened."
)
ALLOW = (
    "may be reached; a dot in front: that domain and all below it. Repeatable; once given it replaces "
    ".kentik.com and .kentik.eu. Without a port: 443, and 80 for plain requests"
)
LAST = "-proxy-http-allow is --allow. SIGTERM drains, a second one ends at once. docs/proxy.md has examples."
