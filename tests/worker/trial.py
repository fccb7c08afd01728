"""A trial of the kernels against the oracle; `python -m tests.worker.trial SEED COUNT` runs one in its own process."""

import random
import sys

from tests import frames, naive
from tests.worker.rig import Frames, Kernels, hash_of, in_order

START_NS = 1_700_000_000_000_000_000


def timed(rng, found, gap_ns=3_000_000_000):
    """Frames with times that mostly go on, sometimes back a little."""
    now, out = START_NS, []
    for link, data in found:
        now += rng.randrange(gap_ns // 50 if rng.random() < 0.95 else gap_ns)
        length = len(data) + rng.choice([0, 0, 0, 100])
        out.append((now - rng.choice([0] * 9 + [rng.randrange(gap_ns)]), link, data, length))
    return out


def some(seed, count, mutations=0.5):
    """Random frames, a share of them mutated."""
    rng = random.Random(seed)
    found = frames.some(rng, count)
    return timed(rng, [frames.mutated(rng, f) if rng.random() < mutations else f for f in found])


def both(captured, *, sampling=(), translate=(), **settings):
    """(kernels, oracle) after the same frames."""
    kernels = Kernels(sampling=sampling, translate=translate, **settings)
    oracle = naive.Meter(first_report=kernels.first_report, hash_of=hash_of, **settings)
    oracle.sampling, oracle.translate = sampling, translate
    for frame in captured:
        oracle.add(*frame)
    oracle.finish()
    kernels.feed(Frames(captured))
    kernels.finish()
    return kernels, oracle


def check(kernels, oracle):
    """Same verdicts, counters and records, field by field."""
    assert kernels.drops() == oracle.drops
    assert sum(kernels.drops().values()) == kernels["packets_received"] == oracle.received
    assert kernels["octets_received"] == oracle.octets
    assert kernels["clock_rebased"] == oracle.rebased
    assert kernels["flows_created"] == oracle.created
    assert kernels["flows_active"] == 0
    for ours, theirs in zip(in_order(kernels.records), in_order(oracle.records), strict=False):
        assert ours == theirs, [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert len(kernels.records) == len(oracle.records) == kernels["records_sent"]


if __name__ == "__main__":
    check(*both(some(int(sys.argv[1]), int(sys.argv[2]))))
    sys.stdout.write("same\n")
