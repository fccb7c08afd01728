"""How a flow's fields should lie in memory: arrays or rows of 32, 64 or 256 octets; what fetching ahead saves."""

import mmap
import os
import time
from statistics import median

import numba
import numpy as np

from bench.result import Section, Table
from supervisor import huge_pages
from worker.jit import OPTIONS
from worker.jit_memory import prefetch

FLOWS = (10_000, 100_000, 1_000_000, 5_000_000)
AHEAD = 16
LAYOUTS = {
    "eight arrays, a word of each": ([1] * 8, [0] * 8),
    "rows of 32 octets, and rows of 32 for what is left": ([4, 4], [0, 1, 2, 3] * 2),
    "rows of 64 octets": ([8], list(range(8))),
    "four arrays of rows of 64 octets, two words of each": ([8] * 4, [0, 4] * 4),
    "rows of 256 octets, two words of each line": ([32], [0, 4, 8, 12, 16, 20, 24, 28]),
}
HOW = (
    "Eight words of 8 octets of one flow are counted up, flows chosen evenly, in one process and by nothing but this: "
    "the words lie in arrays apart or together. *Ahead*: the same, with the words of the flow sixteen packets later "
    "fetched first, as the meter does; *huge pages*: that in pages of 2 MiB instead of 4 KiB. flowherd's rows are the "
    "last ones (worker/rows.py), found through an index, which is one access more."
)


@numba.njit(**OPTIONS)
def count(memory, starts, strides, chosen, ahead):
    for i in range(len(chosen)):
        if ahead:
            later = chosen[min(i + ahead, len(chosen) - 1)]
            for word in range(len(starts)):
                prefetch(memory, starts[word] + later * strides[word])
        for word in range(len(starts)):
            memory[starts[word] + chosen[i] * strides[word]] += 1


def places(layout, flows):
    """Where each word's array begins and how far apart its elements are, in words; and words in all."""
    widths, inside = LAYOUTS[layout]
    begins = np.cumsum([0, *(width * flows for width in widths)])
    share = 8 // len(widths)
    starts = [begins[number // share] + place for number, place in enumerate(inside)]
    strides = [widths[number // share] for number in range(8)]
    return np.array(starts, np.int64), np.array(strides, np.int64), int(begins[-1])


def measure(_work, flows=FLOWS, packets=2_000_000, rounds=3):
    """A table for each way."""
    ways = {"as they come": (0, False), "ahead": (AHEAD, False), "ahead, huge pages": (AHEAD, True)}
    tables = []
    for way, (ahead, huge) in ways.items():
        rows = [
            (layout, *(f"{cost(layout, count_of, packets, ahead, huge, rounds):.1f}" for count_of in flows))
            for layout in LAYOUTS
        ]
        heads = ("ns a packet", *(f"{number:,} flows" for number in flows))
        tables.append(Table(heads, rows, f"Words {way}."))
    return Section("Rows: how should a flow's fields lie in memory?", HOW, tables)


def cost(layout, flows, packets, ahead, huge, rounds):
    """ns of CPU a packet, the median of the rounds."""
    starts, strides, words = places(layout, flows)
    chosen = np.random.default_rng(1).integers(0, flows, packets)
    with mapped(words * 8, huge) as area:
        memory = np.frombuffer(area, np.int64)[:words]
        memory[:] = 0
        count(memory, starts, strides, chosen[:1000], ahead)
        spent = [timed(memory, starts, strides, chosen, ahead) for _ in range(rounds)]
        assert int(memory.sum()) == 8 * (1000 + rounds * packets)
        del memory
    return median(spent) / packets


def timed(*words):
    began = time.thread_time_ns()
    count(*words)
    return time.thread_time_ns() - began


def mapped(size, huge):
    """Shared memory, as flow tables are."""
    mib = (size >> 20) + 1
    descriptor = huge_pages.make_file("rows", mib) if huge else os.memfd_create("rows")
    os.truncate(descriptor, mib << 20)
    area = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    return area
