"""Number of an interface at Kentik: the last two octets of its MAC, kprobe's convention, made distinct."""

from collections.abc import Mapping

LARGEST = 0xFFFF


def tail_of(mac: int) -> int:
    """The last two octets."""
    return mac & LARGEST


def indices(macs: Mapping[str, int], known: Mapping[str, int] | None = None) -> dict[str, int]:
    """Interface to number, of those with a MAC. Where two share a tail, the later by name takes the next free number.

    One that is `known` keeps its number while it is there; 0 is Kentik's own pseudo interface.
    """
    taken = {name: number for name, number in (known or {}).items() if macs.get(name)}
    for name in sorted(set(macs) - set(taken)):
        if macs[name]:
            taken[name] = _free(tail_of(macs[name]), set(taken.values()))
    return taken


def _free(number: int, taken: set[int]) -> int:
    while number in taken or number == 0:
        number = (number + 1) & LARGEST
    return number
