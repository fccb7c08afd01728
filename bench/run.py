"""`make bench`: every figure of docs/benchmarks.md, measured on this machine; root, for the live parts.

.venv/bin/python bench/run.py [--only replay,live] [--quick] [--write]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import applications, kentik, names, offline, online  # noqa: E402
from bench.result import Result, machine  # noqa: E402

DOCS = ROOT / "docs" / "benchmarks.md"
QUICK = {
    "replay": {"packets": 500_000, "flows": 50_000, "rounds": 3},
    "applications": {"copies": 6, "rounds": 2},
    "dns": {"pairs": 100_000, "rounds": 3},
    "live": {"seconds": 1},
    "memory": {"flows": 100_000},
    "start": {"rounds": 2},
    "kills": {"count": 10},
    "exporter": {"records": 300_000},
    "kentik": {"batches": 4, "rounds": 3},
}


RECORDS = {"bare": "counters alone", "full": "TCP metrics, an exchange in every third"}


def exporter(_work, records=800_000):
    """bench/exporter.py's lines."""
    words = [sys.executable, "-m", "bench.exporter", "--records", str(records)]
    told = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = []
    for line in told.splitlines()[1:]:
        sink, kind, durable, _count, speed, *_rest = line.split()
        how = f"one core, {RECORDS[kind]}, {'synced' if durable == 'yes' else 'not synced'}"
        found.append(Result(f"records through the spool into {sink}", f"{speed} records/s", how))
    return found


PARTS = {
    "replay": offline.measure,
    "applications": applications.measure,
    "dns": names.measure,
    "live": online.rate,
    "memory": online.memory,
    "start": online.start,
    "kills": online.kills,
    "exporter": exporter,
    "kentik": kentik.measure,
}
NEED_ROOT = {"live", "memory", "start", "kills"}


def page(results):
    """docs/benchmarks.md."""
    rows = "\n".join(f"| {r.what} | {r.figure} | {r.how} |" for r in results)
    return (
        "# Benchmarks\n\n"
        "`make bench` measures all of this in about half an hour and writes this page with `ARGS=--write`; "
        "`ARGS='--only replay'` measures one part, `ARGS=--quick` small ones. Figures of several programs are of "
        "the same run, the programs in turn, so their ratio holds where the figures do not.\n\n"
        f"Machine: {machine()}.\n\n| what | figure | how |\n| --- | --- | --- |\n{rows}\n\n"
        "*Replay* is what one more copy of the capture costs (a file with it twice, less a file with it once), so "
        "start-up is apart, in CPU seconds of all its processes. *Applications* and *DNS* the same way; NFStream is "
        "fetched into an environment of its own under ~/.cache, runs one meter with nDPI and without statistics, and "
        "its flows are counted and thrown away. *Live* is one tcpreplay at top speed over a veth "
        "pair, sender and worker on a core each; CPU is the worker's, system time included. Kills are a second "
        "apart: closer ones are a crash loop, and wait. *Lost* are packets sent that no counter has.\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, by commas")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    args = parser.parse_args()
    results, began = [], time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="fhb-bench-"))
    work.chmod(0o755)
    failed = []
    for name in args.only.split(","):
        if name in NEED_ROOT and os.geteuid() != 0:
            print(f"{name}: needs root, left out", file=sys.stderr)
            continue
        try:
            for result in PARTS[name](work, **(QUICK[name] if args.quick else {})):
                print(result, flush=True)
                results.append(result)
        except (AssertionError, OSError, subprocess.CalledProcessError) as error:
            print(f"{name}: could not be measured: {error}", file=sys.stderr)
            failed.append(name)
    shutil.rmtree(work)
    print(f"{time.monotonic() - began:.0f} s on {machine()}")
    if args.write and not failed:
        DOCS.write_text(page(results))
    return len(failed) > 0


if __name__ == "__main__":
    sys.exit(main())
