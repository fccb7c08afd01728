"""Replay of a capture file to `null` on one core beside softflowd and nfpcapd: what one more copy of the file costs."""

import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time

from bench import traffic
from bench.result import Result
from worker.jit_cache import DEFAULT_ROOT

PORT = 29995
SAMPLED = "flowherd --sample 256"


def programs(folder):
    """Each program's command line for a capture; all keep at least as many flows as it has."""
    out = folder / "nfdump"
    out.mkdir(exist_ok=True)
    dirs = [f"--state-dir={folder}/state", f"--cache-dir={DEFAULT_ROOT}"]
    ours = [sys.executable, "-I", "-m", "supervisor", "replay"]
    found = {"flowherd": lambda path: [*ours, str(path), "--sink", "null", *dirs]}
    found[SAMPLED] = lambda path: [*ours, str(path), "--sink", "null", *dirs, "--sample", "256"]
    if shutil.which("softflowd"):
        soft = ["softflowd", "-d", "-m", "1000000", "-v", "9", "-n", f"127.0.0.1:{PORT}", "-r"]
        found["softflowd"] = lambda path: [*soft, str(path)]
    if shutil.which("nfpcapd"):
        found["nfpcapd"] = lambda path: ["nfpcapd", "-w", str(out), "-r", str(path)]
    return found


def spent(command, core):
    """(CPU seconds of the program and all its processes, seconds by the clock) on one core."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    words = ["taskset", "-c", str(core), *command]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took


def seconds(command, core):
    """CPU seconds alone: what others do on the machine is not in them."""
    return spent(command, core)[0]


def measure(folder, packets=5_000_000, flows=200_000, rounds=5):
    """Interleaved, medians of time(two copies) - time(one)."""
    once, origin = traffic.large(folder, packets, flows)
    twice, core = traffic.doubled(once), max(os.sched_getaffinity(0))
    costs = {name: [] for name in programs(folder)}
    with socket.socket(type=socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", PORT))
        for path in (once, twice):
            traffic.touch(path)
        seconds(programs(folder)["flowherd"](once), core)
        for _ in range(rounds):
            for name, command in programs(folder).items():
                one = seconds(command(once), core)
                costs[name].append(seconds(command(twice), core) - one)
    once.unlink()
    twice.unlink()
    rates = {name: packets / statistics.median(times) / 1e6 for name, times in costs.items()}
    figures = ", ".join(f"{name} {rate:.2f}" for name, rate in rates.items())
    fastest = max((rate for name, rate in rates.items() if not name.startswith("flowherd")), default=0)
    ratio = f"; {rates['flowherd'] / fastest:.1f} times the faster of the others" if fastest else ""
    how = f"{packets:,} packets, {flows:,} flows, full size ({origin}); median of {rounds}"
    return [Result("replay to null, Mpps a core", figures + ratio, how)]
