"""Links of this network namespace by pyroute2 and sysfs; a netlink socket says when to look again."""

import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisor.links import Link

RTMGRP_LINK = 1
IFF_UP, IFF_LOOPBACK = 0x1, 0x8
NLM_F_DUMP_INTR = 0x10  # linux/netlink.h
TRIES = 20
SYSFS = Path("/sys/class/net")


def read_links() -> list[Link]:
    """Every link, in the kernel's order. A list that links changed under may lack some: then once more."""
    from pyroute2 import IPRoute

    with IPRoute() as route:
        for _ in range(TRIES):
            messages = list(route.get_links())
            if not any(message["header"]["flags"] & NLM_F_DUMP_INTR for message in messages):
                break
        return [link_of(message) for message in messages]


def link_of(message: Any) -> Link:  # noqa: ANN401 pyroute2 has no types
    """One RTM_NEWLINK message (rtnetlink(7))."""
    name = message.get("ifname")
    info = message.get("linkinfo") or {}
    is_elsewhere = message.get("link_netnsid") is not None  # then `link` counts in another namespace
    return Link(
        name=name,
        ifindex=message["index"],
        kind=(info.get("kind") if hasattr(info, "get") else None) or "",
        is_up=bool(message["flags"] & IFF_UP),
        is_loopback=bool(message["flags"] & IFF_LOOPBACK),
        master=message.get("master") or 0,
        parent=0 if is_elsewhere else message.get("link") or 0,
        peer_is_elsewhere=is_elsewhere,
        mac=message.get("address") or "",
        mtu=message.get("mtu") or 0,
        hardware=message["ifi_type"],
        driver=_driver(name),
        speed_mbit=max(_number(name, "speed"), 0),
        numa_node=_number(name, "device/numa_node"),
    )


def _driver(name: str) -> str:
    with suppress(OSError):
        return (SYSFS / name / "device/driver").readlink().name
    return ""


def _number(name: str, file: str) -> int:
    with suppress(OSError, ValueError):
        return int((SYSFS / name / file).read_text())
    return -1


class LinkWatch:
    """Readable whenever a link came, went or changed; what changed is read by `read_links`.

    Events are only a nudge: none can be misread, and those lost in a burst do not matter.
    """

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._sock.setblocking(False)
        self._sock.bind((0, RTMGRP_LINK))

    def fileno(self) -> int:
        """For the loop."""
        return self._sock.fileno()

    def clear(self) -> None:
        """Throw away what has queued up."""
        while True:
            try:
                self._sock.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: the kernel dropped some; we look anyway
                continue

    def close(self) -> None:
        """No more events."""
        self._sock.close()


def names(links: Iterable[Link]) -> str:
    """For a sentence."""
    return ", ".join(link.name for link in links)
