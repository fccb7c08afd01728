"""`make bench`: every figure and picture of docs/benchmarks.md, measured on this machine; root, for the live parts.

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

from bench import capacity, delivery, flows, live, online, page, plot, replay, rows, sampling  # noqa: E402
from bench.result import machine  # noqa: E402

PARTS = {
    "replay": replay.measure,
    "live": live.measure,
    "sampling": sampling.measure,
    "capacity": capacity.measure,
    "flows": flows.measure,
    "rows": rows.measure,
    "memory": online.memory,
    "start": online.start,
    "kills": online.kills,
    "exporter": delivery.exporter,
    "kentik": delivery.to_kentik,
}
QUICK = {
    "replay": {"rounds": 1, "scale": 0.05, "only": ("synthetic", "flood", "dns")},
    "live": {"rates": (100_000, 1_000_000, 0), "imix": (500_000, 0), "seconds": 1.0},
    "sampling": {"ratios": (1, 256), "seconds": 1.0, "rounds": 1},
    "capacity": {"ratios": (1, 256), "seconds": 1.0, "rounds": 1},
    "flows": {"flows": (10_000, 100_000), "packets": 500_000, "rounds": 1},
    "rows": {"flows": (10_000, 100_000), "packets": 500_000},
    "memory": {"flows": 20_000, "alone": 50_000},
    "start": {"rounds": 2},
    "kills": {"count": 5},
    "exporter": {"records": 100_000},
    "kentik": {"batches": 4, "rounds": 2},
}
NEED_ROOT = {"live", "rows", "sampling", "capacity", "memory", "start", "kills"}
FAULTS = (AssertionError, OSError, subprocess.SubprocessError, ValueError, StopIteration)


def measured(names, work, quick):
    """Each part's section as it is found; None where it could not be."""
    for name in names:
        began = time.monotonic()
        if name in NEED_ROOT and os.geteuid() != 0:
            print(f"{name}: needs root, left out", file=sys.stderr)
            yield name, None
            continue
        try:
            section = PARTS[name](work, **(QUICK[name] if quick else {}))
            print(f"{section.text(name)}\n({time.monotonic() - began:.0f} s)\n", flush=True)
            yield name, section
        except FAULTS as error:
            print(f"{name}: could not be measured: {error}", file=sys.stderr)
            yield name, None


def chosen(parser):
    """What was asked for, or a sentence."""
    args = parser.parse_args()
    args.only = args.only.split(",") if args.only else list(PARTS)
    if unknown := [name for name in args.only if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if args.write and args.quick:
        parser.error("--quick measures too little to be written; leave out one of --quick and --write")
    return args


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="parts, by commas")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.md, its pictures, README.md's table"
    )
    args, began = chosen(parser), time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="fhb-bench-"))
    work.chmod(0o755)
    plot.FOLDER = ROOT / "docs" if args.write else ROOT / "build"
    plot.FOLDER.mkdir(exist_ok=True)
    try:
        found = dict(measured(args.only, work, args.quick))
    finally:
        shutil.rmtree(work)
    print(f"{time.monotonic() - began:.0f} s on {machine()}; pictures are in {plot.FOLDER.name}/")
    if args.write:
        page.write({name: found.get(name) and found[name].text(name) for name in PARTS})
        if found.get("capacity"):
            page.write_readme(found["capacity"].readme)
    return None in found.values()


if __name__ == "__main__":
    sys.exit(main())
