"""Pure: silence and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor import watchdog
from supervisor.watchdog import Deed, Pulse


def looked(beats, step_s=0.5):
    """The pulse after looks, `step_s` apart, that found these beats."""
    pulse = Pulse()
    for number, beat in enumerate(beats, 1):
        pulse = watchdog.felt(pulse, beat, number * step_s)
    return pulse


def test_silence_is_counted_from_the_last_beat():
    assert looked([1, 2, 3]).silent_s == 0
    assert looked([1, 2, 2, 2]).silent_s == 1.0
    assert looked([1, 2, 2, 2, 3]).silent_s == 0


def test_who_slept_accuses_nobody():
    """A supervisor that was stopped for an hour has seen one step of silence."""
    pulse = watchdog.felt(looked([7]), 7, 3600.0)
    assert pulse.silent_s == watchdog.STEP_S


@pytest.mark.parametrize(
    ("silent_s", "what"),
    [(0, Deed.NOTHING), (5, Deed.NOTHING), (5.1, Deed.ABORT), (6, Deed.ABORT), (6.1, Deed.KILL)],
)
def test_first_its_stack_then_its_end(silent_s, what):
    assert what is watchdog.deed(Pulse(silent_s=silent_s), 5.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e6)), min_size=1))
def test_silence_is_never_longer_than_the_time_since_the_beat(looks):
    pulse, now_s, changed_s = Pulse(), 0.0, 0.0
    for beat, step_s in looks:
        now_s += step_s
        changed_s = now_s if beat != pulse.beat else changed_s
        pulse = watchdog.felt(pulse, beat, now_s)
        assert 0 <= pulse.silent_s <= now_s - changed_s + 1e-6 * now_s


def test_a_loop_that_waits_for_its_disk_is_not_counted():
    """Not even right after its disk is back: it is given the whole time anew."""
    pulse = Pulse()
    for second in range(1, 3600):
        pulse = watchdog.turned(pulse, float(second), moves=True)
    assert pulse.silent_s == 0
    for second in range(3600, 3610):
        pulse = watchdog.turned(pulse, float(second), moves=False)
    assert pulse.silent_s == 10
