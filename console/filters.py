"""What `flows` is asked for, as SQL conditions: addresses, ports, interface, application and time."""

import argparse
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from shared.reasons import AppProtocol

PROTOCOLS = tuple(protocol.name.lower() for protocol in AppProtocol)
HOST_NAMES = ("dns_query", "split_part(http_host, ':', 1)", "tls_server_name")
PORT_MOST, COUNT_MOST = 65535, 10**9
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Network = IPv4Network | IPv6Network


def network(word: str) -> Network:
    """An address, or a network in CIDR form."""
    try:
        return ip_network(word, strict=False)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{word!r} is neither an address nor a network (10.1.2.3, 10.0.0.0/8)"
        ) from error


def moment(word: str) -> int:
    """A time so long ago, or one in ISO form (local time unless it says), in nanoseconds since 1970."""
    ago = re.fullmatch(r"([0-9]{1,9})([smhd])", word)
    if ago:
        return time.time_ns() - int(ago[1]) * UNITS_S[ago[2]] * 10**9
    try:
        return int(datetime.fromisoformat(word).astimezone(UTC).timestamp()) * 10**9
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{word!r} is no time: 30s, 10m, 2h, 1d or 2026-11-22T20:45"
        ) from error


def count(word: str) -> int:
    """A number of records, at least one."""
    return _number_of(word, "number of records", 1, COUNT_MOST)


def port(word: str) -> int:
    """A port; 0 is what records have that know of none."""
    return _number_of(word, "port", 0, PORT_MOST)


def _number_of(word: str, what: str, least: int, most: int) -> int:
    if not re.fullmatch("[0-9]{1,20}", word) or not least <= int(word) <= most:
        raise argparse.ArgumentTypeError(f"{word!r} is no {what}; {least} to {most} are")
    return int(word)


def host_name(word: str) -> str:
    """In lower case, without the dots at its ends."""
    name = word.lower().strip(".")
    if not name:
        raise argparse.ArgumentTypeError(f"{word!r} is no host name")
    return name


@dataclass(slots=True)
class Conditions:
    """The WHERE clause as it grows, values apart from words."""

    words: list[str]
    values: list[object]

    def add(self, words: str, *values: object) -> None:
        """One more condition that must hold."""
        self.words.append(f"({words})")
        self.values.extend(values)


def conditions(arguments: argparse.Namespace, stored_six: Callable[[], list[str]]) -> Conditions:
    """What the options ask for. `stored_six`: the store's IPv6 addresses, as SQL cannot calculate them."""
    asked = Conditions(["true"], [])
    if arguments.host is not None:
        _add_host(asked, arguments.host, stored_six)
    if arguments.port is not None:
        asked.add("src_port = ? OR dst_port = ?", arguments.port, arguments.port)
    if arguments.interface is not None:
        asked.add("interface = ?", arguments.interface)
    if arguments.app is not None:
        asked.add("app_protocol = ?", arguments.app)
    if arguments.name is not None:
        _add_name(asked, arguments.name)
    if arguments.since is not None:
        asked.add("start_ns >= ?", arguments.since)
    return asked


def _add_host(asked: Conditions, host: Network, stored_six: Callable[[], list[str]]) -> None:
    if host.num_addresses == 1:
        text = str(host.network_address)
        asked.add("src_addr = ? OR dst_addr = ?", text, text)
        return
    if host.version == 6:
        inside = [text for text in stored_six() if ip_address(text) in host]
        asked.add("src_addr IN (SELECT unnest(?)) OR dst_addr IN (SELECT unnest(?))", inside, inside)
        return
    first, last = int(host.network_address), int(host.broadcast_address)
    either = " OR ".join(f"{_number(name)} BETWEEN ? AND ?" for name in ("src_addr", "dst_addr"))
    asked.add(f"CASE WHEN ip_version = 4 THEN {either} ELSE false END", first, last, first, last)


def _add_name(asked: Conditions, name: str) -> None:
    either = " OR ".join(f"ends_with('.' || lower({field}), ?)" for field in HOST_NAMES)
    asked.add(either, *[f".{name}"] * len(HOST_NAMES))


def _number(name: str) -> str:
    """An IPv4 address as SQL's number, so that a network is a range."""
    parts = (f"split_part({name}, '.', {place})::UBIGINT * {256 ** (4 - place)}" for place in range(1, 5))
    return f"({' + '.join(parts)})"
