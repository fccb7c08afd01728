"""Pure: settings and links to the interfaces that ought to be watched, with the reason for every link.

By default each packet counts once: of a bond and its members, a VLAN and its parent, one level is chosen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from shared.errors import ConfigurationError
from supervisor.links import Link

AGGREGATES = frozenset(
    {"bond", "team", "failover", ""}
)  # "": a NIC whose fast twin is handed through, as in Azure
STACKED = frozenset({"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"})
GUESTS = frozenset({"veth", "tun"})  # of a bridge
SWITCHES = frozenset({"bridge", "openvswitch"})
TUNNELS = (
    "vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ipip", "ip6tnl", "sit",
    "vti", "vti6", "xfrm", "wireguard", "ovpn", "tun", "ppp", "bareudp", "gtp", "pfcp", "amt",
)  # fmt: skip
VIRTUAL_END = "end of a container or virtual machine: counted on the NIC it leaves by"
BY_KIND = {
    "veth": VIRTUAL_END,
    "vrf": "counted on its members",
    **dict.fromkeys(TUNNELS, "tunnel: counted on the NIC that carries it"),
    **dict.fromkeys(("ifb", "dummy", "nlmon", "vcan"), "carries no traffic of its own"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is done about one link, and why."""

    link: Link
    is_chosen: bool
    role: str
    reason: str

    @property
    def is_wanted_now(self) -> bool:
        """Chosen, and able to carry packets."""
        return self.is_chosen and self.link.is_up


def choose(patterns: Sequence[str], links: Sequence[Link]) -> list[Choice]:
    """One choice for each link."""
    by_index = {link.ifindex: link for link in links}
    if patterns:
        return [_by_name(link, patterns, by_index) for link in links]
    choices = [_by_default(link, by_index) for link in links]
    if any(choice.is_chosen for choice in choices):
        return choices
    return list(map(_only_way_out, choices))


def check_names(patterns: Sequence[str], links: Sequence[Link]) -> None:
    """A plain name that no link has is a mistake; a pattern may wait for its first link."""
    for pattern in patterns:
        if not _is_pattern(pattern) and pattern not in {link.name for link in links}:
            there = ", ".join(link.name for link in links)
            raise ConfigurationError(f"interface {pattern}: there is none of that name; there are {there}")


def unmatched(patterns: Sequence[str], tables: Iterable[str], links: Sequence[Link]) -> list[str]:
    """A sentence for each pattern and each table of the file that no link is there for: it may come, or be a slip."""
    names = [link.name for link in links]
    said = [
        f"interfaces: {pattern} matches none that is there now"
        for pattern in patterns
        if not any(fnmatchcase(name, pattern) for name in names)
    ]
    for name in (name for name in tables if name not in names):
        slip = "; a table takes a name, no pattern" * _is_pattern(name)
        said.append(f"[interface.{name}]: there is no such interface now{slip}")
    return said


def _is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _by_name(link: Link, patterns: Sequence[str], by_index: Mapping[int, Link]) -> Choice:
    match = next((pattern for pattern in patterns if fnmatchcase(link.name, pattern)), None)
    role = _role(link, by_index)
    if match is None:
        return Choice(link, is_chosen=False, role=role, reason="not among the interfaces named")
    named = "named" if match == link.name else f"named by {match}"
    return Choice(
        link, is_chosen=True, role=role, reason=named if link.is_up else f"{named}; waits: it is down"
    )


def _by_default(link: Link, by_index: Mapping[int, Link]) -> Choice:
    role, refusal = _role(link, by_index), _refusal(link, by_index)
    if refusal:
        return Choice(link, is_chosen=False, role=role, reason=refusal)
    return Choice(
        link, is_chosen=True, role=role, reason="counted here" if link.is_up else "waits: it is down"
    )


def _refusal(link: Link, by_index: Mapping[int, Link]) -> str:
    """Why a link is not watched by default; empty when it is."""
    master = by_index.get(link.master)
    if link.is_loopback:
        return "loopback: nothing leaves the host"
    if link.kind in GUESTS and master:
        return VIRTUAL_END
    if link.kind in STACKED:
        return _counted_on_parent(link, by_index)
    if link.kind in SWITCHES:
        members = [
            other.name
            for other in by_index.values()
            if other.master == link.ifindex and other.kind not in GUESTS
        ]
        return (
            f"counted on its members {', '.join(members)}" if members else "counted on the NIC it leaves by"
        )
    if master and master.kind in AGGREGATES:
        return f"counted on {master.name}"
    return BY_KIND.get(link.kind, "")


def _counted_on_parent(link: Link, by_index: Mapping[int, Link]) -> str:
    parent = by_index.get(link.parent)
    return f"counted on {parent.name if parent else 'its parent'}" + (
        ", with its tag" if link.kind == "vlan" else ""
    )


def _only_way_out(choice: Choice) -> Choice:
    """Inside a container the only NICs are virtual and their other end is elsewhere: then they count."""
    link = choice.link
    if link.kind not in STACKED | {"veth"} or link.master or not link.peer_is_elsewhere:
        return choice
    reason = "the only way out of this network namespace"
    return Choice(
        link,
        is_chosen=True,
        role=choice.role,
        reason=reason if link.is_up else f"{reason}; waits: it is down",
    )


def _role(link: Link, by_index: Mapping[int, Link]) -> str:
    master, parent = by_index.get(link.master), by_index.get(link.parent)
    words = "loopback" if link.is_loopback else link.kind or "NIC"
    if parent and link.kind in STACKED | {"veth"}:
        words += f" of {parent.name}" if link.kind in STACKED else f" to {parent.name}"
    return f"{words}, member of {master.name}" if master else words


def waiting(choices: Sequence[Choice]) -> list[Choice]:
    """Chosen, but down."""
    return [choice for choice in choices if choice.is_chosen and not choice.link.is_up]
