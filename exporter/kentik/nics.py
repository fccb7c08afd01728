"""This host's interfaces as Kentik registers them: number, addresses; by psutil, which needs no rights."""

import ipaddress
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import psutil

KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Nic:
    """`addresses`: (address, netmask), global unicast ones only, in the kernel's order; `mac` 0: none."""

    name: str
    mac: int = 0
    addresses: tuple[tuple[str, str], ...] = ()


def read_nics() -> list[Nic]:
    """Every interface of this network namespace."""
    return [_nic(name, entries) for name, entries in psutil.net_if_addrs().items()]


def _nic(name: str, entries: Iterable[Any]) -> Nic:
    mac, addresses = 0, []
    for entry in entries:
        if entry.family == psutil.AF_LINK:
            mac = int(entry.address.replace(":", "") or "0", 16)
        elif entry.family in (socket.AF_INET, socket.AF_INET6):
            address = ipaddress.ip_address(entry.address.partition("%")[0])
            if not (
                address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
            ):
                addresses.append((str(address), entry.netmask or ""))
    return Nic(name, mac, tuple(addresses))


def first_ipv4(nics: Iterable[Nic], watched: Sequence[str] = ()) -> str:
    """The first IPv4 address of the interfaces watched (names or globs), else of any; or empty."""
    ordered = sorted(nics, key=lambda nic: not any(fnmatchcase(nic.name, pattern) for pattern in watched))
    return next((a for nic in ordered for a, _mask in nic.addresses if "." in a), "")


def registration(nics: Iterable[Nic], index: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """The body that registers them, and Kentik's pseudo interface 0; those without number or address are left out."""
    shown = [nic for nic in nics if nic.name in index and nic.addresses]
    return {nic.name: _entry(nic.name, index[nic.name], nic.addresses) for nic in shown} | {
        KERNEL: _entry(KERNEL, 0, ())
    }


def _entry(name: str, index: int, addresses: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    first, *others = addresses or (("", ""),)
    return {
        "index": str(index),
        "alias": "",
        "desc": name,
        "speed": 0,
        "type": 0,
        "address": first[0],
        "netmask": first[1],
        "alias_address": [{"address": a, "netmask": mask} for a, mask in others] or None,
    }
