"""Pure: what of the workers' cores could be better, each a sentence with the setting or command that mends it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from supervisor.cores import as_text
from supervisor.number import counted
from supervisor.placement import Place, Topology


def advise(places: Mapping[str, Place], topology: Topology) -> list[str]:
    """Every sentence there is to say."""
    served = (f"{what}; move them: {command}" for what, command in interrupted(places, topology))
    return [*_shared(places, topology), *_throttled(places, topology), *served]


def _shared(places: Mapping[str, Place], topology: Topology) -> Iterator[str]:
    by_core: dict[int, list[str]] = defaultdict(list)
    for name, where in places.items():
        by_core[where.core].append(name)
    crowds = [f"{_and(names)} core {core}" for core, names in sorted(by_core.items()) if len(names) > 1]
    if crowds:
        yield (
            f"{counted(len(places), 'worker')} on {counted(len(topology.nodes), 'core')}: "
            f"{'; '.join(crowds)}; more cores (--cpus, the cgroup's cpuset) or --sample auto give them room"
        )


def _throttled(places: Mapping[str, Place], topology: Topology) -> Iterator[str]:
    if topology.quota is not None and topology.quota < 1 and places:
        yield (
            f"the cgroup's quota is {topology.quota:.2g} of one core (cpu.max): workers are stopped while packets "
            "come; raise it (systemd: CPUQuota=; a container: --cpus)"
        )


def interrupted(places: Mapping[str, Place], topology: Topology) -> Iterator[tuple[str, str]]:
    """What is so, and the command that mends it: interrupts and worker on one core halve what either can do."""
    occupied = {where.core for where in places.values()}
    for name, where in places.items():
        numbers = [n for n, cores in topology.interrupts.get(name, {}).items() if where.core in cores]
        elsewhere = topology.online - occupied or topology.online - {where.core}
        if numbers and elsewhere:
            what = f"{name}: its interrupts run on core {where.core}, its worker's"
            yield what, _command(numbers, as_text(elsewhere))


def _command(numbers: list[int], cores: str) -> str:
    if len(numbers) == 1:
        return f"echo {cores} > /proc/irq/{numbers[0]}/smp_affinity_list"
    listed = " ".join(map(str, sorted(numbers)))
    return f"for i in {listed}; do echo {cores} > /proc/irq/$i/smp_affinity_list; done"


def _and(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
