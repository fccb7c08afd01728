"""Live over veth in a namespace: rate, drops, CPU per packet, memory, start and recovery of a whole flowherd."""

import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench import traffic
from bench.result import Result
from tests.system.host import flowherd, until, wire

TICKS = os.sysconf("SC_CLK_TCK")
APART_NS = 1_050_000_000  # deaths within a second are a crash loop, and wait
RATED = re.compile(r"([\d.]+) pps")
SENDER, WORKER = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


def cpu_s(pid):
    """User and system seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def folder():
    made = tempfile.TemporaryDirectory(prefix="fhb-")
    Path(made.name).chmod(0o755)
    return made


def send(place, path, *words):
    """tcpreplay on its own core; packets a second."""
    command = place.command(
        "taskset", "-c", SENDER, "tcpreplay", "-q", "-i", "va", "--preload-pcap", *words, path
    )
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(RATED.search(told).group(1))


def rate(work, seconds=4):
    """Highest rate of one tcpreplay, by ring and by libpcap."""
    packets, found = 100_000, []
    path = traffic.small(work, packets, 5000)
    for capture in ("ring", "pcap"):
        with folder() as home, wire() as place:
            words = ("--capture", capture, "--core", str(WORKER))
            with flowherd(place, Path(home), *words, sink="null") as live:
                pid = live.capturing()
                pps = send(place, path, "--topspeed", "--loop=3")
                loops = max(3, int(pps * seconds / packets))
                live.received(3 * packets)
                before, counted = cpu_s(pid), live.counters()
                pps = send(place, path, "--topspeed", f"--loop={loops}")
                live.received_or_dropped((3 + loops) * packets)
                now = live.counters()
                spent = cpu_s(pid) - before
        taken = now["packets_received"] - counted["packets_received"]
        lost = now["kernel_dropped"]
        figure = f"{pps / 1e6:.2f} Mpps sent, {lost:,} dropped, {spent / taken * 1e6:.3f} µs CPU a packet"
        found.append(Result(f"live, {capture}, 200 B frames", figure, f"{taken:,} packets in 5,000 flows"))
    return found


def memory(work, flows=500_000):
    """PSS of a worker whose table holds that many flows."""
    path = traffic.small(work, 2 * flows, flows)
    with folder() as home, wire() as place, flowherd(place, Path(home), sink="null") as live:
        pid = live.capturing()
        idle = pss_mib(pid)
        send(place, path, "--pps=250000")
        counters = live.received_or_dropped(2 * flows)
        found = pss_mib(pid)
    figure = f"{found:.0f} MiB ({idle:.0f} MiB at start)"
    return [Result("memory of a worker, PSS", figure, f"{counters['flows_active']:,} flows in the table")]


def pss_mib(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def start(_work, rounds=7):
    """From the command to the last of four NICs capturing, kernels in the cache."""
    times = []
    with wire() as place:
        for pair in (1, 2, 3):
            words = ("link", "add", f"vb{pair}", "type", "veth", "peer", "name", f"vc{pair}")
            subprocess.run(["ip", "-n", place.name, *words], check=True)
            for end in (f"vb{pair}", f"vc{pair}"):
                subprocess.run(["ip", "-n", place.name, "link", "set", end, "up"], check=True)
        names = ("vb", "vb1", "vb2", "vb3")
        for _ in range(rounds + 1):
            with folder() as home:
                began_ns = time.monotonic_ns()
                with flowherd(place, Path(home), "--interface", "vb*", sink="null") as live:
                    for name in names:
                        live.capturing(name)
                    last = max(live.counters(name)["capturing_since_ns"] for name in names)
                    times.append((last - began_ns) / 1e9)
    times = times[1:]
    figure = f"{statistics.median(times):.2f} s (most {max(times):.2f} s)"
    return [Result("start to four NICs capturing, warm cache", figure, f"median of {rounds}")]


def kills(work, count=50):
    """kill -9 of the worker under traffic, to its successor capturing; packets that are missing at the end."""
    packets, pps, times = 50_000, 50_000, []
    path = traffic.small(work, packets, 2000)
    loops = max(2, int(count * 1.3 * pps / packets))
    with folder() as home, wire() as place, flowherd(place, Path(home), sink="null") as live:
        live.capturing()
        sender = place.command(
            "tcpreplay", "-q", "-i", "va", "--preload-pcap", f"--pps={pps}", f"--loop={loops}", path
        )
        with subprocess.Popen(sender, stdout=subprocess.DEVNULL) as player:
            while player.poll() is None and len(times) < count:
                times.append(kill_one(live))
        live.received_or_dropped(packets * loops)
        now = live.counters()
    missing = packets * loops - now["packets_received"]
    times.sort()
    figure = (
        f"median {statistics.median(times) * 1e3:.0f} ms, 95 % {times[int(len(times) * 0.95)] * 1e3:.0f} ms, "
        f"most {times[-1] * 1e3:.0f} ms; {max(missing, 0)} packets lost, {now['kernel_dropped']} dropped, "
        f"{now['packets_uncertain']} uncertain"
    )
    return [
        Result("kill -9 of a worker to capturing again", figure, f"{len(times)} kills at {pps:,} packets/s")
    ]


def kill_one(live):
    """Seconds from the signal to the successor's first look at the ring."""
    page = live.counters()
    before, rested_ns = page["packets_received"], time.monotonic_ns() + APART_NS
    until(
        lambda: time.monotonic_ns() > rested_ns and live.counters()["packets_received"] > before + 5000,
        "packets",
    )
    began_ns = time.monotonic_ns()
    os.kill(page["pid"], signal.SIGKILL)
    since = until(lambda: (s := live.counters()["capturing_since_ns"]) > began_ns and s, "a successor")
    return (since - began_ns) / 1e9
