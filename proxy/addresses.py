"""Which addresses a name may lead to; pure.

A name under an allowed domain may be made to point at anything (DNS rebinding), our own loopback included. So it
leads to public addresses alone, unless `--allow` names that very host: then its owner and ours agree.
"""

import ipaddress
from collections.abc import Iterable

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def usable(addresses: Iterable[str], *, named: bool) -> list[str]:
    """Those that may be connected to, in the order given, each once."""
    return [address for address in dict.fromkeys(addresses) if named or is_public(address)]


def is_public(text: str) -> bool:
    """Whether it leads out into the internet, also once a tunnel's end has unpacked it."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    inner = _carried(address)
    return address.is_global and not address.is_multicast and (inner is None or is_public(str(inner)))


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside one of 6to4 or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour
