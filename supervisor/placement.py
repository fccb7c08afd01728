"""Pure: topology and roster to one core per worker, with the reason; cores already given stay given while it is fair.

Fair: no core has two workers more than another, none two while one has none, and no two are on hyper-threads of one
core while a whole one is free. Pins are the user's, and kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from supervisor.links import Link

OWN = "its own"


@dataclass(frozen=True, slots=True)
class Topology:
    """Cores that workers may use and their NUMA nodes; for each interface the cores each interrupt is sent to.

    `siblings`: the hyper-threads of a core's whole core, where there are several. `online`: every core of the host.
    `quota`: how many cores' time our cgroup may use; None: no limit.
    """

    nodes: Mapping[int, int]
    interrupts: Mapping[str, Mapping[int, frozenset[int]]] = field(default_factory=dict)
    siblings: Mapping[int, frozenset[int]] = field(default_factory=dict)
    online: frozenset[int] = frozenset()
    quota: float | None = None

    def serving(self, interface: str) -> frozenset[int]:
        """Cores that serve the interface's interrupts."""
        return frozenset().union(*self.interrupts.get(interface, {}).values())

    def beside(self, core: int) -> frozenset[int]:
        """The other hyper-threads of its whole core."""
        return self.siblings.get(core, frozenset()) - {core}


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
    """A core for each link: as pinned, else as it was, else a fair one, near the NIC, away from its interrupts."""
    pinned, taken = pinned or {}, taken or {}
    cores = {link.name: pinned[link.name] for link in links if link.name in pinned}
    loose = [link for link in links if link.name not in cores]
    cores |= {link.name: taken[link.name] for link in loose if taken.get(link.name) in topology.nodes}
    used = Counter(cores.values())
    for link in sorted(loose, key=lambda link: link.numa_node < 0):  # who cares where goes first
        if link.name not in cores:
            cores[link.name] = _best(link, topology, used)
            used[cores[link.name]] += 1
    _make_fair(loose, topology, cores, used)
    return {link.name: _place(link, cores[link.name], topology, pinned, used) for link in links}


def _crowd(core: int, topology: Topology, used: Counter[int]) -> tuple[int, int]:
    """Workers on this core, and on the other hyper-threads of its whole core."""
    return used[core], sum(used[other] for other in topology.beside(core))


def _best(link: Link, topology: Topology, used: Counter[int]) -> int:
    serving = topology.serving(link.name)
    busy = frozenset().union(*map(topology.serving, topology.interrupts))

    def cost(core: int) -> tuple[object, ...]:
        is_far = link.numa_node >= 0 and topology.nodes[core] != link.numa_node
        beside_interrupts = bool(topology.beside(core) & serving)
        return _crowd(core, topology, used), is_far, core in serving, beside_interrupts, core in busy, core

    return min(topology.nodes, key=cost)


def _make_fair(links: Sequence[Link], topology: Topology, cores: dict[str, int], used: Counter[int]) -> None:
    """Move who stands in a crowd to where it is thinner, the latest come first, until nobody gains by it.

    Each move lowers the sum of squares of workers per core, or per whole core at the same sum: it ends.
    """
    is_fair = False
    while not is_fair:
        is_fair = True
        for link in reversed(links):
            used[cores[link.name]] -= 1
            best = _best(link, topology, used)
            if _crowd(best, topology, used) < _crowd(cores[link.name], topology, used):
                cores[link.name], is_fair = best, False
            used[cores[link.name]] += 1


def _place(link: Link, core: int, topology: Topology, pinned: Mapping[str, int], used: Counter[int]) -> Place:
    """With every reason that holds, best first."""
    words = ["pinned"] if link.name in pinned else []
    if core not in topology.nodes:
        return Place(core, ", ".join([*words, "not a core we may use"]))
    if used[core] > 1:
        words.append(f"shared by {used[core]} workers")
    words += [f"with a worker on its other thread {other}" for other in topology.beside(core) if used[other]]
    if link.numa_node >= 0:
        near = topology.nodes[core] == link.numa_node
        words.append(f"{'on' if near else 'not on'} the NIC's node {link.numa_node}")
    if core in topology.serving(link.name):
        words.append("serves the NIC's interrupts too")
    return Place(core, ", ".join(words) or OWN)
