"""A network interface as the kernel describes it; inventory fills it in, roster and placement read it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """`master`: ifindex of the bond or bridge it belongs to; `parent`: of what it is stacked on; 0: none.

    `hardware` is its type in linux/if_arp.h.
    """

    name: str
    ifindex: int
    kind: str = ""
    is_up: bool = True
    is_loopback: bool = False
    master: int = 0
    parent: int = 0
    peer_is_elsewhere: bool = False
    mac: str = ""
    mtu: int = 1500
    hardware: int = 0
    driver: str = ""
    speed_mbit: int = 0
    numa_node: int = -1
