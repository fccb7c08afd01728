"""Each interface to be watched: its filter, and whether its frames are packets as they were on the wire."""

import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

from shared.errors import ConfigurationError
from shared.settings import Settings
from supervisor import inventory, lock, mistakes, roster
from supervisor.checks.finding import Finding, failed, ok, warning
from supervisor.links import Link
from supervisor.number import counted
from supervisor.roster import Choice

SIOCETHTOOL = 0x8946
# linux/ethtool.h: what each one gathers or leaves uncut; LRO is a bit of the device's flags.
OFFLOADS = {"gro": 0x2B, "gso": 0x23, "tso": 0x1E}
GET_FLAGS, LRO = 0x25, 1 << 15


def choices(settings: Settings) -> list[Choice]:
    """Every link, and what would be done about it."""
    return roster.choose(settings.interface, inventory.read_links())


def chosen(settings: Settings) -> list[Link]:
    """The links that would be watched."""
    return [choice.link for choice in choices(settings) if choice.is_chosen]


def interfaces(settings: Settings) -> Iterator[Finding]:
    """Which, why, and what stands in the way."""
    links = inventory.read_links()
    roster.check_names(settings.interface, links)
    watched = [choice for choice in roster.choose(settings.interface, links) if choice.is_chosen]
    if not watched:
        yield warning(
            "interfaces", "none would be watched", "flowherd interfaces says why; -i NAME takes one"
        )
    for choice in watched:
        yield _interface(choice, settings)
        yield from _offloads(choice.link.name)
    for sentence in roster.unmatched(settings.interface, settings.per_interface, links):
        yield warning("interfaces", sentence, "take it out of the settings if it is not to come")


def _interface(choice: Choice, settings: Settings) -> Finding:
    name, capture = choice.link.name, settings.capture_of(choice.link.name)
    watched = (
        f"{choice.reason}; watched by a flowherd now" if lock.is_held(choice.link.ifindex) else choice.reason
    )
    if not capture.filter:
        return ok(name, watched)
    if not choice.link.is_up:
        return warning(name, "its filter can be compiled only while it is up", f"ip link set {name} up")
    try:
        program = mistakes.filter_of(settings, choice.link)
    except ConfigurationError as error:
        return failed(name, str(error), "man 7 pcap-filter has the syntax", error.code)
    return ok(name, f"{watched}; its filter has {counted(len(program), 'instruction')}")


def _offloads(name: str) -> Iterator[Finding]:
    on = offloads(name)
    if on:
        what = f"{', '.join(on)} on: one frame may be many packets; `wire_packets` estimates how many the wire had"
        off = " ".join(f"{offload} off" for offload in on)
        yield ok(name, what, f"ethtool -K {name} {off} gives packets as on the wire, and costs the host more")


def offloads(name: str) -> list[str]:
    """Those that are on and make frames larger than packets were."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        on = [offload for offload, command in OFFLOADS.items() if _asked(sock, name, command)]
        return on + ["lro"] * bool(_asked(sock, name, GET_FLAGS) & LRO)


def _asked(sock: socket.socket, name: str, command: int) -> int:
    """One value of the interface, by the old way of asking, which every driver and no right is needed for; 0: none."""
    value = ctypes.create_string_buffer(struct.pack("=II", command, 0), 8)
    with suppress(OSError):
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("@16sP", name.encode(), ctypes.addressof(value)))
        return int(struct.unpack("=II", value.raw)[1])
    return 0
