"""What the sandbox costs: the exporter into a store, and a replay, each with it and without, in turn."""

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.exporter import measure
from tests.captures import pcap
from tests.segments import datagram
from worker.jit_cache import DEFAULT_ROOT

ETHERNET = b"\2" * 12 + b"\x08\0"
START_NS = 1_700_000_000 * 10**9


def exported(records, *, sandbox):
    """CPU microseconds a record, synced into the store."""
    sent, _seconds, cpu_s, _peak = measure("store", "full", records, durable=True, sandbox=sandbox)
    return cpu_s / sent * 1e6


def replayed(capture, packets, *, sandbox):
    """CPU microseconds a packet, start and all."""
    words = [] if sandbox else ["--no-sandbox"]
    with tempfile.TemporaryDirectory() as folder:
        dirs = [f"--state-dir={folder}", f"--cache-dir={DEFAULT_ROOT}"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [
            sys.executable,
            "-I",
            "-m",
            "supervisor",
            "replay",
            capture,
            "--sink",
            "null",
            *dirs,
            *words,
        ]
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / packets * 1e6


def write_capture(path, packets):
    """Datagrams of as many flows as there are pairs of ports drawn."""
    rng = random.Random(16)
    frames = [ETHERNET + datagram(0, 400, ports=(rng.randrange(1024, 65536), 5000)) for _ in range(10_000)]
    path.write_bytes(pcap([(START_NS + i * 1000, frames[i % len(frames)]) for i in range(packets)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--packets", type=int, default=2_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder, "datagrams.pcap")
        write_capture(capture, args.packets)
        tries = {
            "exporter, µs a record": lambda sandbox: exported(args.records, sandbox=sandbox),
            "replay, µs a packet": lambda sandbox: replayed(str(capture), args.packets, sandbox=sandbox),
        }
        for what, attempt in tries.items():
            found = {True: [], False: []}
            for number in range(2 * args.rounds):
                found[number % 2 == 0].append(attempt(number % 2 == 0))
            told = {sandbox: statistics.median(values) for sandbox, values in found.items()}
            least = {sandbox: min(values) for sandbox, values in found.items()}
            change, best = (kind[True] / kind[False] - 1 for kind in (told, least))
            print(
                f"{what}: {told[True]:.3f} with, {told[False]:.3f} without: {change:+.1%} (best runs {best:+.1%})"
            )


if __name__ == "__main__":
    main()
