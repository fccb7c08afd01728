"""`--sample auto` decided: it converges, does not swing, and a wrong guess is made ever more seldom."""

import subprocess
import sys
import time
from itertools import pairwise
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.readings import Mark, readings_of
from supervisor.regulator import cpu_s
from supervisor.sampling_rate import MOST, Limits, Reading, State, after, load
from tests.examples import examples
from tests.supervisor.rig import until

STEP_S, COARSE_S = 5.0, 20.0
LIMITS = Limits()


def course(reading_at, seconds, limits=LIMITS, step_s=STEP_S):
    """Every rate there was, with when it began: `reading_at(now_s, rate)` tells how the worker fares then."""
    state = State(rate=limits.floor)
    rates, now_s = [(0.0, state.rate)], 0.0
    while now_s < seconds:
        now_s += step_s
        state = after(state, reading_at(now_s, state.rate), limits)
        if state.rate != rates[-1][1]:
            assert state.why
            rates.append((now_s, state.rate))
    return rates


def proportional(demand, noise=lambda now_s: 1.0):
    """A worker that would use `demand` of a core unsampled: what is beyond one core, its ring drops."""

    def reading(now_s, rate):
        wanted = demand(now_s) / rate * noise(now_s)
        return Reading(now_s, min(wanted, 1.0), dropped=max(1 - 1 / wanted, 0.0) if wanted > 1 else 0.0)

    return reading


def test_a_busy_minute_raises_it_a_step_and_a_quiet_worker_is_left_alone():
    assert course(lambda now_s, rate: Reading(now_s, 0.95 / rate), 7200) == [(0.0, 1), (60.0, 2)]
    assert course(lambda now_s, _: Reading(now_s, 0.88), 7200) == [(0.0, 1)]


def test_a_short_burst_is_none_of_its_business():
    assert course(lambda now_s, _: Reading(now_s, 1.0 if now_s % 300 < 40 else 0.3), 7200) == [(0.0, 1)]
    drops = course(lambda now_s, _: Reading(now_s, 0.3, dropped=0.2 if now_s == 100 else 0.0), 7200)
    assert drops == [(0.0, 1)], "one burst that the ring could not hold"


def test_a_ring_that_goes_on_dropping_raises_it_at_once():
    rates = course(lambda now_s, rate: Reading(now_s, 0.3, dropped=0.1 if rate == 1 else 0.0), 100)
    assert rates == [(0.0, 1), (15.0, 2)]


def test_it_is_lowered_step_by_step_when_there_is_room():
    rates = course(proportional(lambda now_s: 6.0 if now_s < 600 else 0.2), 4 * 3600)
    assert max(rate for _, rate in rates) == 8
    assert [rate for _, rate in rates][-4:] == [8, 4, 2, 1]
    falling = [at for at, _ in rates[-4:]]
    assert all(later - former >= LIMITS.lower_s for former, later in pairwise(falling))


def test_a_target_of_records_is_kept():
    limits = Limits(records_s=1000)
    rates = course(lambda now_s, rate: Reading(now_s, 0.1, records_s=30_000 / rate), 7200, limits)
    assert rates == [(0.0, 1), (60.0, 32)], "as many steps as it takes, and no further one"


def test_the_devices_rate_is_the_lowest_and_steps_count_from_it():
    limits = Limits(floor=10)
    rates = course(proportional(lambda now_s: 30.0 if now_s < 600 else 0.1), 3 * 3600, limits)
    assert [rate for _, rate in rates] == [10, 40, 20, 10]
    assert after(State(rate=4), Reading(5.0, 0.1), limits).rate == 10


def test_who_shares_a_core_is_raised_only_for_its_own_part():
    """Beside a neighbour that takes all it can, a worker with little to do is not the one to sample."""
    assert course(lambda now_s, _: Reading(now_s, 0.05, others=0.9, sharers=2), 7200) == [(0.0, 1)]
    assert course(lambda now_s, rate: Reading(now_s, 0.9 / rate, others=0.05, sharers=2), 7200)[1:] == [
        (60.0, 2)
    ]
    assert load(Reading(0, 0.5, others=0.5, sharers=2), LIMITS) > 1


NOISE = st.lists(st.floats(0.9, 1.1), min_size=7, max_size=40)


@given(st.floats(0.0, 200.0), NOISE)
@examples(50)
def test_a_steady_load_finds_its_rate_and_keeps_it(demand, noise):
    """Whatever the noise: up to the right rate within minutes, and no change ever after."""
    worker = proportional(lambda _: demand, lambda now_s: noise[int(now_s / COARSE_S) % len(noise)])
    rates = course(worker, 3600, step_s=COARSE_S)
    assert [rate for _, rate in rates] == sorted({rate for _, rate in rates}), "only upwards"
    settled_s, rate = rates[-1]
    assert settled_s <= 60.0 * (1 + ceil(log2(max(demand, 1) / 0.8)))
    assert demand / rate <= 1.0
    assert rate == 1 or demand / rate > 0.9 / 2 / 1.2 / 1.2, "no further than it must"


@given(st.floats(0.95, 100.0), st.floats(0.0, 0.5), st.integers(600, 3600))
@examples(50)
def test_after_a_busy_time_it_comes_all_the_way_down(busy, quiet, seconds):
    worker = proportional(lambda now_s: busy if now_s < seconds else quiet)
    rates = course(worker, seconds + 3600, step_s=COARSE_S)
    highest = max(rate for _, rate in rates)
    assert rates[-1][1] == 1 or quiet * 2 / rates[-1][1] >= 0.9 * 0.65
    assert len(rates) <= 2 * (1 + log2(highest)) + 1, "up once and down once"


@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6), st.booleans())
@examples(40)
def test_a_load_that_no_rate_foretells_makes_it_swing_ever_more_seldom(shares, drops):
    """Any load at any rate, as where single flows carry most packets: changes grow with the logarithm of time."""

    def reading(now_s, rate):
        share = shares[int(log2(rate)) % 6]
        return Reading(now_s, share, dropped=0.1 if drops and share > 0.95 else 0.0)

    limits = Limits(raise_s=300, lower_s=600)
    times = [at_s for at_s, _ in course(reading, 40 * 3600, limits, 100.0)]
    assert len(times) < 100
    assert sum(at_s > 20 * 3600 for at_s in times) <= sum(at_s <= 20 * 3600 for at_s in times) / 2 + 3


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 9), st.floats(0, 1e6), st.floats(0, 1))
    )
)
def test_whatever_is_read_the_rate_stays_a_step_within_bounds(found):
    limits, state = Limits(records_s=100, floor=3), State(rate=3)
    for number, (share, others, sharers, records_s, dropped) in enumerate(found):
        state = after(state, Reading(number * 30.0, share, others, sharers, records_s, dropped), limits)
        assert 3 <= state.rate <= MOST
        assert state.rate == MOST or log2(state.rate / 3).is_integer()
        assert len(state.readings) <= 11


def test_two_marks_make_a_reading_beside_the_others_of_the_core():
    before = {pid: Mark(pid, 0 if pid < 3 else None, 0.0, 0.0, 0, 0, 0) for pid in (1, 2, 3, 4)}
    now = {
        1: Mark(1, 0, 10.0, 5.0, 200, 900, 100),
        2: Mark(2, 0, 10.0, 2.5, 0, 0, 0),
        3: Mark(3, None, 10.0, 9.0, 0, 0, 0),
        4: Mark(5, None, 10.0, 1.0, 0, 0, 0),  # another worker: nothing is known of it yet
    }
    readings = readings_of(before, now)
    assert readings[1] == Reading(10.0, 0.5, 0.25, 2, 20.0, 0.1)
    assert readings[3] == Reading(10.0, 0.9)
    assert readings.keys() == {1, 2, 3}


def test_the_processor_time_of_another_process_is_read():
    spin = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        until(lambda: cpu_s(spin.pid) > 0.2, "a fifth of a second spent")
        before_s = cpu_s(spin.pid)
        until(lambda: cpu_s(spin.pid) > before_s, "more of it")
    finally:
        spin.kill()
        spin.wait()
    with pytest.raises(OSError, match="Invalid argument"):
        cpu_s(spin.pid)
    assert cpu_s(1) <= time.monotonic() * 1000
