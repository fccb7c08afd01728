"""What a kill leaves of a flow table, at any moment: adopted, it must be whole and have every packet but one in hand.

`python -m tests.worker.torn` looks after each line of the kernels as plain Python (NUMBA_DISABLE_JIT=1).
"""

import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np

import worker
from tests.worker.rig import Frames, Kernels
from tests.worker.test_table import consistent, udp
from tests.worker.trial import START_NS
from worker import recovery
from worker.hot_row import PLACES, SIDES
from worker.meter import meter
from worker.rows import USED

FLOWS, LENGTH = 4, 28
SETTINGS = {
    "max_flows": FLOWS,
    "size_bytes": 1 << 19,
    "forget": 0.02,
    "idle": 0.01,
    "active": 0.03,
    "keep": False,
}
KERNELS = str(Path(worker.__file__).parent)
AT_ONCE = 32


def captured(count, seed=1):
    """Packets of a few more flows than the table holds: most make a row come, go or be reported."""
    rng, now, found = random.Random(seed), START_NS, []
    for _ in range(count):
        now += rng.randrange(3_000_000)
        found.append((now, 101, udp(rng.randrange(FLOWS * 3 // 2) + 1)))
    return found


def run(kernels, frames):
    """Meter them in small blocks, sweep between, leave the records in the outbox; then report everything."""
    source = Frames(frames)
    while not source.ended:
        meter(source.buf, kernels.packets, source.take(kernels.packets[:AT_ONCE]), kernels.table)
        kernels.sweep()


def check(memory, frames, *, goes_on=True):
    """Adopt a copy of a table's memory; look at it; go on with the frames that are left, and add everything up."""
    kernels = Kernels(**SETTINGS)
    kernels.memory[: len(memory)] = memory
    before = kernels["packets_accounted"]
    assert recovery.adopt(kernels.table)
    consistent(kernels)
    uncertain, counted, at = kernels["packets_uncertain"], packets_in(kernels), kernels["cursor_offset"]
    assert uncertain <= 1
    assert before <= counted <= before + uncertain, (before, counted, uncertain)
    assert kernels["packets_received"] == before + uncertain
    assert before <= at <= before + uncertain
    if goes_on:
        if frames[at:]:
            kernels.feed(Frames(frames[at:]), sweeping=True, most=AT_ONCE)
        kernels.finish()
        add_up(kernels, frames, uncertain)


def packets_in(kernels):
    """Those in the outbox and in the rows in use."""
    table = kernels.table
    sent = table.outbox[np.arange(kernels["tail"], kernels["head"]) % len(table.outbox)]
    used = set(np.flatnonzero(table.flows["state"] & USED).tolist())
    sides = [table.sides[row * PLACES + SIDES + end]["packets"] for row in used for end in (0, 1)]
    return int(sent["packets"].sum() + sent["rev_packets"].sum()) + int(sum(sides))


def add_up(kernels, frames, uncertain):
    """Of each flow its packets, of all of them at most the uncertain one less; the outbox still has all records."""
    rows, found = kernels.table.outbox[: kernels["head"]], Counter()
    assert kernels["head"] < len(kernels.table.outbox)
    ends = np.minimum(rows["src_addr_tail"], rows["dst_addr_tail"])
    for end, packets in zip(ends.tolist(), (rows["packets"] + rows["rev_packets"]).tolist(), strict=True):
        found[end] += packets
    truth = Counter(min(int.from_bytes(f[2][at : at + 4], "little") for at in (12, 16)) << 32 for f in frames)
    assert not found - truth, found - truth
    assert (truth - found).total() <= uncertain
    octets = int(rows["bytes"].sum() + rows["rev_bytes"].sum())
    assert abs(octets - LENGTH * found.total()) <= LENGTH * uncertain


class Looker:
    """A trace function that looks at the table's memory after every line of a kernel that changed it."""

    def __init__(self, kernels, frames):
        self.kernels, self.frames, self.looks, self.last = kernels, frames, 0, b""

    def __call__(self, frame, _event, _argument):
        return self.line if frame.f_code.co_filename.startswith(KERNELS) else None

    def line(self, _frame, _event, _argument):
        memory = bytes(self.kernels.memory)
        if memory != self.last:
            self.last = memory
            self.looks += 1
            sys.settrace(None)
            check(memory, self.frames, goes_on=self.looks % 40 == 0)
            sys.settrace(self)
        return self.line


def main(count):
    """Look after every line while so many packets are metered; how often that was."""
    kernels, frames = Kernels(**SETTINGS), captured(count)
    kernels["packets_uncertain"] = 0
    looker = Looker(kernels, frames)
    sys.settrace(looker)
    run(kernels, frames)
    kernels.finish()
    sys.settrace(None)
    return looker.looks


if __name__ == "__main__":
    sys.stdout.write(f"{main(int(sys.argv[1]))}\n")
