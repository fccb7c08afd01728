"""Records on their way out: through the spool into a sink (exporter.py), and as Kentik wants them (kentik.py)."""

import subprocess
import sys

from bench import kentik
from bench.page import ROOT
from bench.result import Section, Table

KINDS = {"bare": "counters alone", "full": "TCP metrics, an exchange in every third"}


def exporter(_work, records=800_000):
    """bench/exporter.py's lines."""
    words = [sys.executable, "-m", "bench.exporter", "--records", str(records)]
    told = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    rows = []
    for line in told.splitlines()[1:]:
        sink, kind, durable, _count, speed, each, _batch, peak = line.split()
        rows.append((sink, KINDS[kind], durable, speed, each, peak))
    table = Table(("sink", "records", "synced", "records/s", "µs CPU a record", "peak MiB"), rows)
    answer = (
        f"{records:,} records in batches of 8,192 over the pipe, through the spool, until the sink has "
        "committed all; the exporter on one core, its start apart. Records a second are by the clock, to "
        "which a disk's syncs belong."
    )
    question = "Exporter: how many records a second?"
    return Section(question, answer, [table], commands=[f"python -m bench.exporter --records {records}"])


def to_kentik(_work, batches=16, rounds=5):
    """bench/kentik.py's medians."""
    heads = ("records", "µs CPU a record", "words", "packing", "gzip, µs", "octets")
    table = Table(heads, list(kentik.rows(batches, rounds)))
    answer = "One direction of a row each; CPU on one core. The second column is words and packing; gzip comes on top."
    return Section(
        "Kentik: what does a record cost on its way there?",
        answer,
        [table],
        commands=["python -m bench.kentik"],
    )
