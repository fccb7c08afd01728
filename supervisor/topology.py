"""Cores, NUMA nodes, hyper-threads, interrupts and CPU quota as sysfs, procfs and cgroup v2 tell them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from shared.errors import ConfigurationError
from shared.settings import Settings
from supervisor import cores
from supervisor.cores import as_text, cores_in
from supervisor.placement import Topology
from supervisor.roster import Choice

NODES = Path("/sys/devices/system/node")
CPUS = Path("/sys/devices/system/cpu")
INTERRUPTS = Path("/proc/interrupts")
CGROUPS, OUR_CGROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def read_topology(interfaces: Iterable[str], cpus: str = "") -> Topology:
    """What workers may use: of the supervisor's own mask, which a cpuset cgroup narrows too, what `cpus` says."""
    ours = frozenset(os.sched_getaffinity(0))
    allowed = cores.parse(cpus) & ours or ours
    nodes = dict.fromkeys(sorted(allowed), 0)
    with suppress(OSError):
        for folder in NODES.glob("node[0-9]*"):
            number = int(folder.name.removeprefix("node"))
            nodes |= {core: number for core in cores_in((folder / "cpulist").read_text()) if core in allowed}
    return Topology(
        nodes,
        {name: _interrupts(name) for name in interfaces},
        {core: siblings for core in nodes for siblings in (_siblings(core),) if len(siblings) > 1},
        frozenset(_online() or ours),
        read_quota(),
    )


def check_cores(settings: Settings, choices: Iterable[Choice]) -> None:
    """ConfigurationError: a setting names cores that we may not use. At the start: a cpuset may shrink later."""
    ours = os.sched_getaffinity(0)
    wanted = {"cpus": cores.parse(settings.cpus)}
    for name in (choice.link.name for choice in choices if choice.is_chosen):
        core = settings.capture_of(name).core
        wanted[f"{name}'s worker"] = frozenset({core} if core >= 0 else ())
    for what, named in wanted.items():
        if lacking := named - ours:
            raise ConfigurationError(
                f"{what}: core {as_text(lacking)} is not among those this host lets us use, {as_text(ours)}"
            )


def _siblings(core: int) -> frozenset[int]:
    """The hyper-threads of the whole core that this one is a part of, itself among them."""
    with suppress(OSError, ValueError):
        return frozenset(cores_in((CPUS / f"cpu{core}/topology/thread_siblings_list").read_text()))
    return frozenset((core,))


def _online() -> frozenset[int]:
    with suppress(OSError, ValueError):
        return frozenset(cores_in((CPUS / "online").read_text()))
    return frozenset()


def read_quota(root: Path = CGROUPS, ours: Path = OUR_CGROUP) -> float | None:
    """How many cores' time cgroup v2 lets us have, the least of our group and those above it; None: no limit."""
    with suppress(OSError):
        words = next((line[3:] for line in ours.read_text().splitlines() if line.startswith("0::")), None)
        if words is not None:
            group = root / words.lstrip("/")
            folders = [group, *(folder for folder in group.parents if folder.is_relative_to(root))]
            return min(filter(None, map(_quota_of, folders)), default=None)
    return None


def _quota_of(group: Path) -> float | None:
    """`max 100000`, or microseconds of each period."""
    with suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    return None


def _interrupts(interface: str) -> Mapping[int, frozenset[int]]:
    """The cores that each interrupt of the interface is sent to."""
    found = {}
    for number in _numbers_of(interface):
        with suppress(OSError, ValueError):
            text = Path(f"/proc/irq/{number}/effective_affinity_list").read_text()
            found[int(number)] = frozenset(cores_in(text))
    return found


def _numbers_of(interface: str) -> Iterator[str]:
    device = Path("/sys/class/net", interface, "device")
    with suppress(OSError):
        yield from (entry.name for entry in (device / "msi_irqs").iterdir())
    with suppress(OSError):
        bus_name = device.resolve(strict=True).name
        for line in INTERRUPTS.read_text().splitlines():
            number, _, rest = line.strip().partition(":")
            if number.isdigit() and any(
                word.startswith((f"{bus_name}-", f"{interface}-")) for word in rest.split()
            ):
                yield number
