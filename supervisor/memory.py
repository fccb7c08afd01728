"""Memory: what this host, or the cgroup we are in, has left for flow tables, and what a process has of its own."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
OWN_CGROUP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def own_mib(pid: int) -> int:
    """Memory that ends with this process; 0 when it is gone.

    Flow table and ring are shared memory and not in it: they outlive a worker, so replacing it frees nothing of
    them, and settings bound them.
    """
    try:
        resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
    except (OSError, ValueError):
        return 0
    return (resident - shared) * PAGE_BYTES >> 20


def waits_for_disk(pid: int) -> bool:
    """One of its threads is in the kernel's uninterruptible sleep."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):  # that thread has just ended
                if (task / "stat").read_text().rpartition(")")[2].split()[0] == "D":
                    return True
    return False


def available_mib() -> int:
    """The least that the host and every cgroup above us would still give."""
    return min([_of_host(), *_of_cgroups()]) >> 20


def _of_host() -> int:
    for line in MEMINFO.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 1 << 62


def _of_cgroups() -> Iterator[int]:
    """What cgroups (v2) leave; page cache counts as free, for the kernel gives it back."""
    with suppress(OSError):
        for line in OWN_CGROUP.read_text().splitlines():
            if line.startswith("0::/"):
                folder = CGROUPS / line[4:]
                for place in (folder, *folder.parents):
                    if CGROUPS not in (place, *place.parents):
                        break
                    with suppress(OSError, ValueError):
                        limit = int((place / "memory.max").read_text())
                        stat = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
                        used = int((place / "memory.current").read_text())
                        yield max(limit - used + int(stat["inactive_file"]), 0)
