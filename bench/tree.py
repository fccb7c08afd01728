"""A program and all its processes: CPU seconds on one core, its memory at the largest moment."""

import ctypes
import os
import resource
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CHILD_SUBREAPER = 36
NS = 10**9
LIMIT_S = 600  # no run of the full size takes a minute


class Peak(NamedTuple):
    """MiB of all processes together: shared pages counted once (PSS), and for each that has them (RSS)."""

    pss_mib: float = 0.0
    rss_mib: float = 0.0


def reap():
    """Wait for every process left behind: grandchildren too, whose parents ended first, are this process's."""
    with suppress(ChildProcessError):
        while True:
            os.wait()


def cpu_s(command, core):
    """User and system seconds of the program and all its processes, all on one core."""
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet = subprocess.DEVNULL
    subprocess.run(on_core(command, core), check=True, stdout=quiet, stderr=quiet, timeout=LIMIT_S)
    reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def on_core(command, core):
    return ["taskset", "-c", str(core), *map(str, command)]


def watched(command, core, every_s=0.05):
    """Its largest moment, looked at so often; the looking costs, so no time is measured then."""
    most = Peak()
    with subprocess.Popen(
        on_core(command, core), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            now = memory(process.pid)
            most = Peak(*map(max, most, now))
            time.sleep(every_s)
    reap()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return most


def memory(pid):
    """What the process and those below it hold now."""
    each = [own(one) for one in family(pid)]
    return Peak(sum(one.pss_mib for one in each), sum(one.rss_mib for one in each))


def own(pid):
    """What one process holds now; nothing when it has ended."""
    found = {}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, kib, _ = line.split()
            found[name] = int(kib) / 1024
    return Peak(found.get("Pss:", 0.0), found.get("Rss:", 0.0))


def family(pid):
    """The process and all below it."""
    found, at = [pid], 0
    while at < len(found):
        for children in Path(f"/proc/{found[at]}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
        at += 1
    return found


def ran_s(pids):
    """CPU seconds of living processes so far, all threads, to the nanosecond."""
    total = 0
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with suppress(OSError):
                total += int(path.read_text().split()[0])
    return total / NS


def settled(pids, quiet_s=0.3, limit_s=30.0):
    """CPU seconds of the processes once they have worked off what they were given: they take under 2 % of a core."""
    end_s, before = time.monotonic() + limit_s, ran_s(pids)
    while time.monotonic() < end_s:
        time.sleep(quiet_s)
        now = ran_s(pids)
        if now - before < 0.02 * quiet_s:
            break
        before = now
    return now
