"""A program and all its processes: CPU seconds on one core, its memory at the largest moment."""

import ctypes
import os
import resource
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import NamedTuple

CHILD_SUBREAPER = 36
NS = 10**9
IDLE_AT_FIRST_S = 4.0  # pmacctd waits two seconds before it reads a file
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


def cpu_s(command, core, *, stays=False):
    """User and system seconds of the program and all its processes, on one core; `stays`: it is ended once idle."""
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with begun(command, core) as process:
        if stays:
            end_idle(process)
        if process.wait(LIMIT_S):
            raise subprocess.CalledProcessError(process.returncode, command)
    reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def begun(command, core):
    """The program, which does not outlive this."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(on_core(command, core), stdout=quiet, stderr=quiet) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def end_idle(process):
    """Interrupt it once it has nothing left to do."""
    time.sleep(IDLE_AT_FIRST_S)
    settled(family(process.pid), quiet_s=1.0, limit_s=LIMIT_S)
    process.send_signal(signal.SIGINT)


def on_core(command, core):
    return ["taskset", "-c", str(core), *map(str, command)]


def watched(command, core, *, stays=False, every_s=0.05):
    """Its largest moment, looked at so often; the looking costs, so no time is measured then."""
    most = Peak()
    with begun(command, core) as process:
        if stays:
            Thread(target=end_idle, args=[process], daemon=True).start()
        while process.poll() is None:
            most = Peak(*map(max, most, memory(process.pid)))
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
