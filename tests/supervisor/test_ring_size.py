"""How large a ring is to be: pure, time is an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.ring_size import CALM_S, HOLD_S, MIB, Bounds, Reading, State, after, calmed, wanted_mib

BOUNDS = Bounds(4, 64)


def looked(octets_s, seconds, mib=4, state=None, step_s=0.5):
    """The state after so long at a rate, and the size wanted at the last look; it stops where that changes."""
    state, start_s = state or State(), state.at_s if state else 1.0
    octets = state.octets
    for turn in range(int(seconds / step_s) + 1):
        now_s = start_s + turn * step_s
        state = after(state, Reading(octets + int(octets_s * turn * step_s)), now_s)
        if (wanted := wanted_mib(state, mib, BOUNDS)) != mib:
            return state, wanted
        state = calmed(state)
    return state, mib


@pytest.mark.parametrize(("mib_s", "mib"), [(0, 4), (2.4, 4), (3, 16), (10, 32), (30, 64), (5000, 64)])
def test_it_holds_what_comes_for_a_while(mib_s, mib):
    """What a ring of 4 MiB does not hold for HOLD_S asks for one that holds twice as much."""
    assert looked(mib_s * MIB, 5.0)[1] == mib


def test_it_shrinks_after_long_calm_only():
    state, mib = looked(MIB / 3, CALM_S - 1, mib=64)
    assert mib == 64
    _, mib = looked(MIB / 3, 5, mib=64, state=state)
    assert mib == 4


def test_a_moment_of_load_puts_it_off():
    """The most of a while counts, and the while after it is calm."""
    state, _ = looked(MIB / 3, 100, mib=64)
    state, mib = looked(100 * MIB, 3, mib=64, state=state)
    assert mib == 64
    state, mib = looked(MIB / 3, CALM_S - 50, mib=64, state=state)
    assert mib == 64
    assert looked(MIB / 3, CALM_S + 50, mib=64, state=state)[1] == 4


@pytest.mark.parametrize(("silent_s", "mib"), [(0.5, 4), (0.7, 64)])
def test_whoever_does_not_read_gets_the_largest(silent_s, mib):
    """Hung, stopped, dead: what comes meanwhile is to have room, before anybody knows why."""
    for state in (State(), State(7, 9.5)):
        assert wanted_mib(after(state, Reading(7, silent_s), 10.0), 4, BOUNDS) == mib


def test_a_new_table_counts_from_nothing():
    """Less than before was not taken since; what comes from then on is."""
    state = after(State(900 * MIB, 10.0), Reading(3 * MIB), 10.5)
    assert (state.octets, state.need_mib) == (3 * MIB, 0.0)
    assert after(state, Reading(4 * MIB), 11.0).need_mib == 2 * HOLD_S


def test_bounds_of_a_reload_hold_at_once():
    assert wanted_mib(State(), 64, Bounds(4, 16)) == 16
    assert wanted_mib(State(), 4, Bounds(32, 64)) == 32


@given(
    st.lists(st.floats(0, 2e9), min_size=1, max_size=40),
    st.integers(2, 4095),
    st.integers(2, 4095),
)
def test_no_swinging(rates, least, most):
    """Whatever comes, the size is within its bounds, and a size just taken is not left for a smaller one at once."""
    bounds, mib, state, octets, now_s = Bounds(min(least, most), most), min(least, most), State(), 0, 0.0
    for rate in rates:
        now_s += 0.5
        octets += int(rate * 0.5)
        state = after(state, Reading(octets), now_s)
        wanted = wanted_mib(state, mib, bounds)
        assert bounds.least <= wanted <= bounds.most
        assert wanted >= mib
        assert wanted >= min(state.need_mib, most)
        mib, state = wanted, calmed(state)


def test_it_lasts_as_long_as_said():
    assert looked(8 * MIB / HOLD_S * 0.9, 20, mib=8)[1] == 8
    assert looked(8 * MIB / HOLD_S * 1.1, 20, mib=8)[1] == 32
