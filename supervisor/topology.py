"""Cores, NUMA nodes and interrupts as sysfs and procfs tell them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from supervisor.placement import Topology

NODES = Path("/sys/devices/system/node")
INTERRUPTS = Path("/proc/interrupts")


def read_topology(interfaces: Iterable[str]) -> Topology:
    """What we may use: the supervisor's own affinity mask is the limit."""
    allowed = os.sched_getaffinity(0)
    nodes = dict.fromkeys(sorted(allowed), 0)
    with suppress(OSError):
        for folder in NODES.glob("node[0-9]*"):
            number = int(folder.name.removeprefix("node"))
            nodes |= {core: number for core in cores_in((folder / "cpulist").read_text()) if core in allowed}
    return Topology(nodes, {name: frozenset(_serving(name)) for name in interfaces})


def cores_in(text: str) -> Iterator[int]:
    """`0-3,8` as numbers."""
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            yield from range(int(first), int(last or first) + 1)


def _serving(interface: str) -> Iterator[int]:
    """Cores that the interface's interrupts are sent to."""
    for number in _interrupts_of(interface):
        with suppress(OSError, ValueError):
            text = Path(f"/proc/irq/{number}/effective_affinity_list").read_text()
            yield from cores_in(text)


def _interrupts_of(interface: str) -> Iterator[str]:
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
