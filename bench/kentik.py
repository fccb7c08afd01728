"""Microseconds a unidirectional record takes on its way to Kentik: words, packing and gzip apart, on one core.

.venv/bin/python -m bench.kentik [--batches 16] [--rounds 5] [--levels 1,3,6]
The rows are bench/exporter.py's: bare ones, and full ones with TCP metrics and an exchange in every third.
"""

import argparse
import time
import zlib
from functools import partial
from statistics import median

from bench.exporter import batch
from exporter.kentik.body import GZIP_FORMAT, GZIP_LEVEL, PREFIX
from exporter.kentik.columns import columns_of
from exporter.kentik.device import Device
from exporter.kentik.message import message
from exporter.kentik.packing import packed
from exporter.kentik.sides import sides
from exporter.kentik.split import part
from tests.kentik import devices

KINDS = {"bare": "counters alone", "full": "TCP metrics, an exchange in every third row"}
DEVICE = Device(7, columns_of(devices.columns(devices.CURRENT)))


def timed(step, given, into, name):
    """What a step makes, its CPU seconds and octets added up."""
    begun = time.process_time()
    made = step(given)
    seconds, octets = into.get(name, (0.0, 0))
    size = made.words.nbytes if name == "words" else len(made)
    into[name] = seconds + time.process_time() - begun, octets + size
    return made


def one_round(given, levels):
    """Records, and by step: seconds and octets."""
    steps, records = {}, 0
    for one in given:
        told = timed(lambda one: message([part(sides(one))], DEVICE), one, steps, "words")
        octets = timed(packed, told.words, steps, "packed")
        for level in levels:
            squeezed = partial(zlib.compress, level=level, wbits=GZIP_FORMAT)
            timed(squeezed, PREFIX + octets, steps, f"gzip -{level}")
        records += told.records
    return records, steps


def figures(kind, batches, rounds, levels):
    """By step: µs and octets a record, medians of the rounds."""
    runs = [one_round([batch(kind, seed) for seed in range(batches)], levels) for _ in range(rounds)]
    return {
        step: (
            median(steps[step][0] / records * 1e6 for records, steps in runs),
            median(steps[step][1] / records for records, steps in runs),
        )
        for step in runs[0][1]
    }


def rows(batches=16, rounds=5):
    """The table of docs/benchmarks.md: µs of each step, octets on the wire."""
    for kind, about in KINDS.items():
        (words, _), (packing, _), (gzip, size) = figures(kind, batches, rounds, [GZIP_LEVEL]).values()
        yield about, f"{words + packing:.2f}", f"{words:.2f}", f"{packing:.2f}", f"{gzip:.2f}", f"{size:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--levels", default="1,2,3,4,6")
    args = parser.parse_args()
    print("kind  step      µs/record  octets/record")
    for kind in KINDS:
        found = figures(kind, args.batches, args.rounds, [int(level) for level in args.levels.split(",")])
        for step, (us, octets) in found.items():
            print(f"{kind:6}{step:8}{us:11.2f}{octets:15.1f}")


if __name__ == "__main__":
    main()
