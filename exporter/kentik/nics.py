"""This host's interfaces as Kentik registers them: number, addresses; by psutil, which needs no rights."""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil

KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Nic:
    """`addresses`: (address, netmask), global unicast ones only, in the kernel's order; `mac` 0: none."""

    name: str
    mac: int = 0
    addresses: tuple[tuple[str, str], ...] = ()

    @property
    def tail(self) -> int:
        """The last two octets of the MAC: kprobe's index of an interface."""
        return self.mac & 0xFFFF


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


def first_ipv4(nics: Iterable[Nic]) -> str:
    """The first IPv4 address of any, or empty."""
    return next((a for nic in nics for a, _mask in nic.addresses if "." in a), "")


def indices(nics: Iterable[Nic]) -> dict[str, int]:
    """Name to index: the MAC's tail; where two share one, the later by name takes the next that is free."""
    taken: dict[str, int] = {}
    for nic in sorted(nics, key=lambda nic: nic.name):
        index = nic.tail
        while index in taken.values() or (nic.mac and index == 0):
            index = (index + 1) & 0xFFFF
        if nic.mac:
            taken[nic.name] = index
    return taken


def registration(nics: Iterable[Nic]) -> dict[str, dict[str, Any]]:
    """The body that registers them, and Kentik's pseudo interface 0; those without MAC or address are left out."""
    nics = [nic for nic in nics if nic.mac and nic.addresses]
    index = indices(nics)
    return {nic.name: _entry(nic.name, index[nic.name], nic.addresses) for nic in nics} | {
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
