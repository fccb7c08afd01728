"""The doors that close behind the exporter: its own folders, the network where a sink needs it, and no program."""

import os
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

from exporter.orders import Orders
from shared import sandbox
from shared.kentik_endpoints import ends
from shared.sandbox import Sandbox

SYSTEM = ("/usr", "/lib", "/lib64", "/nix/store", "/etc", "/proc", "/sys", "/dev/null", "/dev/urandom")
RESOLVERS = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/nscd", "/var/run/nscd")
DNS_PORT = 53  # name servers asked by TCP
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)  # the last lists addresses


def confine(orders: Orders) -> str:
    """Close them, unless told not to; what the kernel had for it."""
    return sandbox.enter(wanted(orders)) if orders.sandbox else sandbox.OFF


def wanted(orders: Orders) -> Sandbox:
    """What these sinks need."""
    kentik = any(sink.kind.startswith("kentik") for sink in orders.sinks)
    reads = (*SYSTEM, *sys.path, sys.prefix, sys.base_prefix)
    return Sandbox(
        reads=(*reads, *RESOLVERS, *_certificates()) if kentik else reads,
        writes=tuple(_own_folders(orders)),
        families=FAMILIES if kentik else (),
        ports=(DNS_PORT, *(port for _host, port in ends(orders.kentik))) if kentik else (),
        accepts=bool(orders.status_port),
    )


def _own_folders(orders: Orders) -> Iterator[str]:
    """Spool and stores; what holds them too where it is ours, for a store that somebody removed is made anew."""
    folders = [orders.spool_dir] if orders.spool_dir else []
    for folder in (*folders, *(sink.target for sink in orders.sinks if sink.kind == "store")):
        yield folder
        parent = Path(folder).absolute().parent
        if parent != parent.parent and _is_ours(parent):
            yield str(parent)


def _is_ours(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.geteuid()
    except OSError:  # it lets us not even look
        return False


def _certificates() -> Iterator[str]:
    """By folder: a file that is replaced is another file."""
    places = ssl.get_default_verify_paths()
    for place in (places.cafile, places.capath):
        if place:
            yield from {str(Path(place).parent), str(Path(place).resolve().parent)}
