"""The flow table: index and rows agree after any history, a full table evicts, a flood spares the living."""

import random
import struct

import numpy as np
import pytest

from shared.reasons import EndReason
from shared.vitals import INDEX
from tests.worker.rig import Frames, Kernels, metered
from tests.worker.trial import START_NS
from worker.layout import NEVER, Rules, fit, open_table
from worker.rows import USED
from worker.table import HASH_BITS

MS = 1_000_000


def udp(source, destination=0x0A000001, sport=5000, dport=53):
    """A small UDP packet over raw IP."""
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 28, 0, 0, 64, 17, 0, source, destination)
    return head + struct.pack(">HHHH", sport, dport, 8, 0)


def flood(count, first=0x0B000000, port=7):
    """(time, link, frame) of `count` flows of one packet each."""
    return [(START_NS + i * 10_000, 101, udp(first + i, dport=port)) for i in range(count)]


def consistent(kernels):
    """Every used row is found by its index entry, nothing else is, and the free ones are all told."""
    table = kernels.table
    used = np.flatnonzero(table.flows["state"] & USED)
    entries = table.index[table.index != 0]
    assert sorted((entries >> HASH_BITS) - 1) == sorted(used)
    assert kernels["flows_active"] == len(used)
    free = set(table.free[: kernels["free_rows"]].tolist())
    assert len(free) == kernels["free_rows"]
    assert free == set(range(kernels["high_water"])) - set(used.tolist())
    assert set(table.due[list(free)].tolist()) <= {NEVER}
    reachable(table)


def reachable(table):
    """Linear probing: no hole between an entry's home and its place."""
    mask = int(table.words[INDEX["index_mask"]])
    assert not table.index[mask + 1 :].any()
    for bucket in np.flatnonzero(table.index):
        place = int(table.index[bucket]) & mask
        while place != bucket:
            assert table.index[place] != 0
            place = place + 1 & mask


def test_the_index_doubles_as_flows_come_and_finds_every_one():
    kernels = Kernels(max_flows=300)
    kernels["index_mask"] = 3
    for count in (1, 2, 3, 5, 40, 300):
        kernels.feed(Frames(flood(count)))
        assert kernels["flows_active"] == kernels["flows_created"] == count
        assert count <= kernels["index_mask"] + 1 <= len(kernels.table.index)
        consistent(kernels)


@pytest.mark.parametrize("capacity", [2, 3, 7, 64, 300])
def test_index_and_rows_after_many_arrivals_and_departures(capacity):
    rng, now = random.Random(capacity), START_NS
    kernels = Kernels(max_flows=capacity, forget=2.0, idle=1.0, linger=0.1)
    for _ in range(150):
        captured = []
        for _ in range(rng.randrange(1, 40)):
            now += rng.randrange(8 * MS)
            captured.append((now, 101, udp(rng.randrange(capacity * 3) + 1, sport=rng.randrange(3))))
        kernels.feed(Frames(captured), sweeping=True)
        consistent(kernels)
    assert kernels["flows_evicted"] > 0
    kernels.finish()
    consistent(kernels)
    assert sum(r["packets"] + r["rev_packets"] for r in kernels.records) == kernels["packets_accounted"]


def test_a_full_table_evicts_with_a_reason_and_counts():
    kernels = metered(flood(1000), max_flows=100)
    reasons = [record["end_reason"] for record in kernels.records]
    assert reasons.count(EndReason.LACK_OF_RESOURCES) == kernels["flows_evicted"] == 900
    assert reasons.count(EndReason.FORCED_END) == 100
    assert sum(record["packets"] for record in kernels.records) == 1000
    assert kernels["table_capacity"] == 100


@pytest.mark.slow
def test_a_flood_of_single_packets_spares_the_living():
    """A million flows of one packet beside ten thousand that go on: no living one may be pushed out."""
    living = [udp(0x0A010000 + i, sport=2000) for i in range(10_000)]
    kernels = Kernels(max_flows=50_000, size_bytes=128 << 20, keep=False)
    now, attack = START_NS, 0x20000000
    kernels.feed(Frames([(now, 101, frame) for frame in living for _ in range(2)]))
    for _ in range(100):
        burst = [(now + i * 1000, 101, udp(attack + i, dport=9)) for i in range(10_000)]
        attack += 10_000
        now += 10_000_000
        kernels.feed(Frames(burst), sweeping=True)
        kernels.feed(Frames([(now, 101, frame) for frame in living[::10]]), sweeping=True)
    ports = kernels.table.flows["ports"][kernels.table.flows["state"] & USED != 0]
    ends = ports >> 16, ports & 0xFFFF
    alive = int(((ends[0] == 2000) | (ends[1] == 2000)).sum())
    assert kernels["flows_evicted"] > 900_000
    assert alive >= 9_990, f"{10_000 - alive} living flows were pushed out"


def test_the_longest_silent_goes_first_among_equals():
    kernels = Kernels(max_flows=3)
    pairs = [(START_NS + i * 100 * MS, 101, udp(i % 3 + 1)) for i in (2, 1, 0) for _ in range(2)]
    pairs = [(START_NS + n * 100 * MS, 101, frame) for n, (_, _, frame) in enumerate(pairs)]
    kernels.feed(Frames([*pairs, (START_NS + 900 * MS, 101, udp(99))]))
    (evicted,) = [r for r in kernels.records if r["end_reason"] == EndReason.LACK_OF_RESOURCES]
    assert evicted["src_addr"][3] == 3


@pytest.mark.parametrize("size", [1 << 20, 4 << 20, 64 << 20, 512 << 20])
def test_capacity_fits_the_file(size):
    capacity, outbox, *_rest = fit(size, 500_000)
    assert 0 < capacity <= 500_000
    assert outbox > 0


def test_a_file_too_small_for_one_flow():
    with pytest.raises(ValueError, match="holds no flow"):
        fit(4096, 10)


def test_the_usual_table_holds_what_it_is_asked_for():
    assert fit(512 << 20, 500_000)[0] == 500_000


def test_two_views_of_one_file_agree():
    """A successor maps the same parts at the same places."""
    file, kernels = bytearray(2 << 20), Kernels()
    times = Rules(*kernels.table[-len(Rules._fields) :])
    first, second = open_table(file, 50, times), open_table(file, 50, times)
    first.flows[49]["ports"], first.index[3] = 77, 5
    assert (second.flows[49]["ports"], second.index[3]) == (77, 5)
