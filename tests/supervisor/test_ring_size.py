"""How large a ring is to be: pure, time is an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.ring_size import CALM_S, HOLD_S, MIB, Bounds, Reading, State, after, calmed, wanted_mib

BOUNDS = Bounds(4, 64)
BLOCK = 256 << 10


def looked(octets_s, seconds, mib=4, state=None, step_s=0.5):
    """The state after so long at a rate, and the size wanted at the last look; it stops where that changes."""
    state, start_s = state or State(), state.at_s if state else 0.0
    block = state.block
    for turn in range(int(seconds / step_s) + 1):
        now_s = start_s + turn * step_s
        state = after(state, Reading(0, block + int(octets_s * turn * step_s / BLOCK), BLOCK, mib), now_s)
        if (wanted := wanted_mib(state, mib, BOUNDS)) != mib:
            return state, wanted
        state = calmed(state)
    return state, mib


@pytest.mark.parametrize(("mib_s", "mib"), [(0, 4), (7, 4), (9, 16), (30, 32), (70, 64), (5000, 64)])
def test_it_holds_half_a_second(mib_s, mib):
    """What a ring of 4 MiB does not hold for HOLD_S asks for one that holds twice as much."""
    assert looked(mib_s * MIB, 5.0)[1] == mib


def test_it_shrinks_after_long_calm_only():
    state, mib = looked(1 * MIB, CALM_S - 1, mib=64)
    assert mib == 64
    _, mib = looked(1 * MIB, 5, mib=64, state=state)
    assert mib == 4


def test_a_moment_of_load_puts_it_off():
    """The most of a while counts, and the while after it is calm."""
    state, _ = looked(1 * MIB, 100, mib=64)
    state, mib = looked(100 * MIB, 3, mib=64, state=state)
    assert mib == 64
    state, mib = looked(1 * MIB, CALM_S - 50, mib=64, state=state)
    assert mib == 64
    assert looked(1 * MIB, CALM_S + 50, mib=64, state=state)[1] == 4


def test_another_ring_begins_anew():
    """Its blocks are counted from one."""
    state = after(State(0, 900, 10.0, 50.0, 50.0, 1.0), Reading(1, 3, BLOCK, 64), 10.5)
    assert state == State(1, 3, 10.5, 0.0, 0.0, 10.5)


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
    bounds, mib, state, block, now_s = Bounds(min(least, most), most), min(least, most), State(), 0, 0.0
    for rate in rates:
        now_s += 0.5
        block += int(rate * 0.5 / BLOCK)
        state = after(state, Reading(0, block, BLOCK, mib), now_s)
        wanted = wanted_mib(state, mib, bounds)
        assert bounds.least <= wanted <= bounds.most
        assert wanted >= mib
        assert wanted >= min(state.need_mib, most)
        mib, state = wanted, calmed(state)


def test_it_lasts_as_long_as_said():
    assert looked(8 * MIB / HOLD_S * 0.99, 20, mib=8)[1] == 8
    assert looked(8 * MIB / HOLD_S * 1.05, 20, mib=8)[1] == 32
