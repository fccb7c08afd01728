"""Time-outs, the sweep and the clock: when a record is written, and that none spans a step of time."""

from itertools import pairwise

import pytest

from shared.reasons import EndReason
from tests.worker.rig import Frames, Kernels
from tests.worker.test_table import udp
from tests.worker.trial import START_NS
from worker.clock import ticks
from worker.expiry import STRIDE_ROWS

SECOND = 10**9
TICK_NS = 1 << 24


def at(kernels, seconds, frame=None, base=START_NS):
    """A packet at a time, or only the clock moved there, and the whole table swept."""
    time_ns = base + round(seconds * SECOND)
    if frame is not None:
        kernels.feed(Frames([(time_ns, 101, frame)]))
    kernels["now_ns"] = max(kernels["now_ns"], time_ns)
    kernels["swept_tick"] = 0
    kernels.sweep()
    return kernels.drain()


def test_a_silent_flow_is_reported_once_and_forgotten_later():
    kernels = Kernels(active=1000.0)
    at(kernels, 0, udp(1))
    assert at(kernels, 14.9) == []
    (record,) = at(kernels, 15.1)
    assert record["end_reason"] == EndReason.IDLE_TIMEOUT
    assert (len(at(kernels, 59.9)), kernels["flows_active"]) == (1, 1)
    assert (len(at(kernels, 60.1)), kernels["flows_active"]) == (1, 0)


def test_a_flow_keeps_its_initiator_across_reports():
    """It is the same flow until it is forgotten: the answer after a report still goes the reverse way."""
    kernels = Kernels(active=1000.0)
    at(kernels, 0, udp(1, 2, 7000, 7001))
    at(kernels, 20)
    at(kernels, 30, udp(2, 1, 7001, 7000))
    later = at(kernels, 46)[-1]
    assert (later["packets"], later["rev_packets"], later["src_port"]) == (0, 1, 7000)


def test_a_living_flow_is_reported_every_active_timeout():
    kernels = Kernels()
    for second in range(100):
        at(kernels, second, udp(1))
    records = kernels.records
    assert {record["end_reason"] for record in records} == {EndReason.ACTIVE_TIMEOUT}
    starts = [record["start_ns"] for record in records]
    assert [b - a for a, b in pairwise(starts[1:])] == [15 * SECOND] * (len(starts) - 2)
    assert starts[1] - starts[0] <= 15 * SECOND
    assert len(records) == 6 + (len(records) == 7)


def test_first_reports_are_spread():
    """Ten thousand flows born together do not report together."""
    kernels = Kernels(max_flows=20_000, size_bytes=64 << 20)
    kernels.feed(Frames([(START_NS, 101, udp(i)) for i in range(10_000)]))
    reported = [0]
    for second in range(1, 16):
        kernels["now_ns"] = START_NS + second * SECOND
        kernels["swept_tick"] = 0
        reported.append(kernels.sweep())
        kernels.drain()
    assert sum(reported) == 10_000
    assert max(reported) < 1000


def test_a_sweep_stops_where_the_outbox_is_full():
    kernels = Kernels(active=1000.0)
    kernels.feed(Frames([(START_NS, 101, udp(i)) for i in range(1000)]))
    kernels["now_ns"] = START_NS + 20 * SECOND
    rooms = [0, 1, 100, 300]
    assert all(0 <= kernels.sweep(room) <= room for room in rooms)
    while kernels["head"] < 1000:
        assert 0 < kernels.sweep(STRIDE_ROWS) <= STRIDE_ROWS
    assert len(kernels.drain()) == 1000


def test_a_sweep_does_a_slice():
    """A large table is not looked at in one go: capture would stall."""
    kernels = Kernels(max_flows=100_000, size_bytes=256 << 20, active=0.5, keep=False)
    kernels.feed(Frames([(START_NS, 101, udp(i)) for i in range(60_000)]))
    kernels["now_ns"] = START_NS + SECOND
    kernels["swept_tick"] = (START_NS + SECOND - kernels["base_ns"]) // TICK_NS - 1
    assert 0 < kernels.sweep() <= 2000


@pytest.mark.parametrize("jump_s", [62, 3600, 10 * 365 * 86400, -61, -3600, -10 * 365 * 86400])
def test_a_step_of_time_expires_nothing(jump_s):
    """A clock that is set, or a capture file that jumps: no flow ends, and no record spans the step."""
    kernels = Kernels(active=1000.0)
    at(kernels, 0, udp(1))
    at(kernels, 1, udp(2))
    kernels.feed(Frames([(START_NS + jump_s * SECOND, 101, udp(1))]))
    assert (kernels["clock_rebased"], kernels["flows_active"]) == (1, 2)
    records = kernels.finish()
    assert len(records) == 3
    assert all(record["start_ns"] == record["end_ns"] for record in records)
    assert sum(record["packets"] for record in records) == 3


def test_time_running_backwards_a_little_stays_in_one_record():
    kernels = Kernels(active=1000.0)
    for second in (10, 8, 12, 5, 11):
        kernels.feed(Frames([(START_NS + second * SECOND, 101, udp(1))]))
    (record,) = kernels.finish()
    assert (record["start_ns"], record["end_ns"]) == (START_NS + 5 * SECOND, START_NS + 12 * SECOND)
    assert kernels["clock_rebased"] == 0


def test_packets_without_time():
    """Simple packet blocks have none: they are flows at 0, and a later clock is not confused."""
    kernels = Kernels()
    kernels.feed(
        Frames([(0, 101, udp(1)), (0, 101, udp(1)), (START_NS, 101, udp(2)), (START_NS, 101, udp(2))])
    )
    assert kernels["flows_active"] == 2
    assert sorted(record["start_ns"] for record in kernels.finish()) == [0, START_NS]


def test_time_outs_are_at_least_a_tick():
    assert ticks(0) == 1
    assert ticks(15) == 15 * SECOND // TICK_NS
