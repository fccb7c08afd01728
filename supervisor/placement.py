"""Pure: topology and roster to one core per worker, with the reason; cores already given stay given."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from supervisor.links import Link

OWN = "its own"


@dataclass(frozen=True, slots=True)
class Topology:
    """Cores we may use and their NUMA nodes; for each interface the cores that serve its interrupts."""

    nodes: Mapping[int, int]
    interrupts: Mapping[str, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """The core of one worker."""

    core: int
    reason: str


def around(core: int | None, topology: Topology) -> frozenset[int]:
    """Cores of this core's node, to take its worker's ring from; none where every core is as near."""
    if core is None or core not in topology.nodes or len(set(topology.nodes.values())) == 1:
        return frozenset()
    return frozenset(other for other, node in topology.nodes.items() if node == topology.nodes[core])


def place(
    links: Sequence[Link],
    topology: Topology,
    pinned: Mapping[str, int] | None = None,
    taken: Mapping[str, int] | None = None,
) -> dict[str, Place]:
    """A core for each link: as pinned, else distinct ones, near the NIC, away from its interrupts."""
    pinned, taken = pinned or {}, taken or {}
    fixed = {link.name: pinned.get(link.name, taken.get(link.name, -1)) for link in links}
    used = Counter(core for core in fixed.values() if core >= 0)
    places: dict[str, Place] = {}
    for link in links:
        core = fixed[link.name]
        if core < 0:
            core = _best(link, topology, used)
            used[core] += 1
        places[link.name] = Place(core, _reason(link, core, topology, pinned, used))
    return places


def _best(link: Link, topology: Topology, used: Counter[int]) -> int:
    def cost(core: int) -> tuple[int, bool, bool, int]:
        is_far = link.numa_node >= 0 and topology.nodes[core] != link.numa_node
        return used[core], is_far, core in topology.interrupts.get(link.name, ()), core

    return min(topology.nodes, key=cost)


def _reason(link: Link, core: int, topology: Topology, pinned: Mapping[str, int], used: Counter[int]) -> str:
    """Every reason that holds, best first."""
    words = ["pinned"] if link.name in pinned else []
    if core not in topology.nodes:
        words.append("not a core we may use")
    if used[core] > 1:
        words.append(f"shared by {used[core]} workers")
    if link.numa_node >= 0 and topology.nodes.get(core) == link.numa_node:
        words.append(f"on the NIC's node {link.numa_node}")
    if core in topology.interrupts.get(link.name, ()):
        words.append("serves the NIC's interrupts too")
    return ", ".join(words) or OWN
