"""What becomes of a worker: a table of deaths and decisions."""

import pytest

from supervisor import lifecycle
from supervisor.lifecycle import Life, Policy, State

POLICY = Policy(intensity=3, period_s=60.0, first_wait_s=0.25, longest_wait_s=15.0)


def after(deaths, life=None):
    """The life after deaths at the given times."""
    life = life or Life(State.RUNNING)
    for now_s in deaths:
        life = lifecycle.died(life, now_s, "killed", POLICY)
    return life


@pytest.mark.parametrize(
    ("deaths", "state", "wait_s"),
    [
        ([10.0], State.BACKOFF, 0.0),
        ([10.0, 11.0], State.BACKOFF, 0.25),
        ([10.0, 11.0, 12.0], State.BACKOFF, 0.5),
        ([10.0, 11.0, 12.0, 13.0], State.FATAL, None),
        ([10.0, 80.0], State.BACKOFF, 0.0),
        ([10.0, 30.0, 50.0, 71.0], State.BACKOFF, 0.5),
    ],
)
def test_the_first_death_costs_no_time_and_a_crash_loop_is_fatal(deaths, state, wait_s):
    life = after(deaths)
    assert state is life.state
    if wait_s is not None:
        assert deaths[-1] + wait_s == life.due_s


def test_a_worker_that_gets_on_with_its_packets_is_no_crash_loop():
    """Killed 200 times in a minute under load, it is back at once each time."""
    life = Life(State.RUNNING)
    for number in range(200):
        life = lifecycle.died(life, number * 1.0, "killed", POLICY, progressed=True)
        assert (State.BACKOFF, number * 1.0) == (life.state, life.due_s)


def test_back_off_is_bounded():
    assert Policy(longest_wait_s=15.0).wait_s(50) == 15.0


def test_a_worker_in_back_off_is_due_at_its_time_only():
    life = after([10.0, 11.0])
    assert not lifecycle.is_due(life, 11.2)
    assert lifecycle.is_due(life, 11.25)


def test_a_restart_is_counted_and_then_captures():
    life = lifecycle.restarting(after([10.0]), 10.0)
    assert (life.state, life.restarts) == (State.STARTING, 1)
    assert State.RUNNING is lifecycle.capturing(life, 10.1).state


def test_a_worker_that_drains_does_not_become_running_again():
    life = lifecycle.stopping(Life(), 1.0)
    assert State.STOPPING is lifecycle.capturing(life, 2.0).state


def test_giving_up_keeps_the_reason():
    life = lifecycle.gave_up(Life(), 1.0, "bad filter")
    assert (life.state, life.why) == (State.FATAL, "bad filter")
