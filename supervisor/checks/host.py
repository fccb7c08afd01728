"""What this host has for all interfaces together: memory for rings and tables, cores, a clock."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from shared.settings import Settings
from supervisor import memory
from supervisor.advice import interrupted
from supervisor.checks.finding import Finding, failed, ok, warning
from supervisor.checks.nics import choices, chosen
from supervisor.number import counted
from supervisor.placement import place
from supervisor.table import FULL_SHARE
from supervisor.topology import check_cores, read_topology

CLOCKSOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
SLOW_CLOCKS = {"hpet", "acpi_pm", "jiffies", "refined-jiffies"}
UNSYNCHRONISED = 0x40  # STA_UNSYNC, linux/timex.h


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("rest", ctypes.c_char * 256),
    )  # fmt: skip


def room(settings: Settings) -> Iterator[Finding]:
    """Rings are taken at once, tables as flows come."""
    captures = [settings.capture_of(link.name) for link in chosen(settings)]
    rings = sum(capture.ring_mib for capture in captures if capture.capture == "ring")
    tables = sum(capture.table_mib for capture in captures)
    yield judged_room(len(captures), rings, tables, memory.available_mib())


def judged_room(count: int, rings: int, tables: int, free: int) -> Finding:
    """Pure: whether they fit."""
    what = f"{rings:,} MiB of rings for {counted(count, 'interface')}, of {free:,} MiB of memory available"
    if rings >= free:
        each = max(free // 2 // max(count, 1), 2)
        return failed("memory", what, f"--ring-mib {each}, or name fewer interfaces with -i")
    if rings + tables // FULL_SHARE > free:
        each = max((free - rings) * FULL_SHARE // max(count, 1), 8)
        return warning(
            "memory", f"{what}; tables would be made smaller", f"--table-mib {each}, or a smaller --ring-mib"
        )
    return ok("memory", what)


def cores(settings: Settings) -> Iterator[Finding]:
    """A core for each worker, and interrupts on others."""
    check_cores(settings, choices(settings))
    links = chosen(settings)
    topology = read_topology((link.name for link in links), settings.cpus)
    allowed = len(topology.nodes)
    yield judged_cores(len(links), allowed, os.cpu_count() or allowed, topology.quota)
    pinned = {link.name: settings.capture_of(link.name).core for link in links}
    places = place(links, topology, {name: core for name, core in pinned.items() if core >= 0})
    for what, command in interrupted(places, topology):
        yield warning("cores", what, command)


def judged_cores(workers: int, allowed: int, present: int, share: float | None) -> Finding:
    """Pure: whether every worker may have one."""
    limits = [f"{counted(allowed, 'core')}" + (f" of {present}" if allowed < present else "")]
    limits += [f"{share:g} cores' time by the cgroup's quota"] if share is not None else []
    what = f"{' and '.join(limits)} for {counted(workers, 'worker')}"
    if share is not None and share < workers:
        return warning(
            "cores", what, "raise CPUQuota= (cpu.max), or --sample: a throttled worker loses packets"
        )
    if allowed < workers:
        return warning(
            "cores", f"{what}: some share one", "more cores (AllowedCPUs=), or fewer interfaces with -i"
        )
    return ok("cores", what)


def clock(_settings: Settings) -> Iterator[Finding]:
    """Times in records are this host's."""
    told = _Timex()
    if ctypes.CDLL(None).adjtimex(ctypes.byref(told)) >= 0:
        if told.status & UNSYNCHRONISED:
            what = "not synchronised: times in records are as good as this host's clock"
            yield warning(
                "clock",
                what,
                "timedatectl set-ntp true, or chrony; a virtual machine's host may do it unseen",
            )
        else:
            yield ok("clock", f"synchronised to {told.maxerror / 1000:,.0f} ms")
    with suppress(OSError):
        source = CLOCKSOURCE.read_text().strip()
        if source in SLOW_CLOCKS:
            yield warning(
                "clock",
                f"read from {source}, which is slow",
                "boot with tsc=reliable if the processor has it",
            )
