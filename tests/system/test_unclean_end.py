"""The supervisor is killed, or everything at once: the next start says what was lost, and the spool is delivered."""

import os
import signal

import pytest

from bench import kills, taker
from bench.victims import Victims
from tests.system.host import flowherd, until

pytestmark = [pytest.mark.root, pytest.mark.slow]
SLOW_FLOWS = ("--active-timeout-s", "600", "--idle-timeout-s", "600", "--forget-s", "600")


@pytest.fixture
def place():
    with taker.road() as made:
        yield made


def killed_with_flows(place, folder, kinds):
    """A run with 50 flows in its table, noted, that these of its processes do not survive; the packets sent."""
    with flowherd(place, folder, *SLOW_FLOWS, sink="store") as live:
        live.capturing()
        sent = taker.send(place, 5000, 0.5, flows=50)["packets"]
        live.received(sent)
        until(lambda: '"flows": 50' in noted(folder), lambda: noted(folder))
        victims = Victims(live.process.pid, None)
        pids = [live.process.pid, *(pid for pid, kind in victims.all() if kind in kinds)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        live.process.wait(10)
    return sent


def noted(folder):
    path = folder / "state" / "run.json"
    return path.read_text() if path.exists() else ""


def started_again(place, folder):
    """What the next run says, and what the store has when it has ended."""
    with flowherd(place, folder, sink="store") as live:
        live.capturing()
        until(lambda: "the run before" in live.said(), live.said)
        live.stop()
    assert not noted(folder)
    return live.said(), kills.in_store(folder / "state" / "store")[0]


def test_who_outlives_the_supervisor_loses_nothing(place, folder):
    """At once another is started: it waits for the spool and the store until the first one's exporter is through."""
    sent = killed_with_flows(place, folder, ())
    said, stored = started_again(place, folder)
    assert stored == sent
    assert "was ended without draining: nothing was lost" in said


def test_what_went_with_all_of_them_is_said(place, folder):
    """As when memory runs out or the host loses power."""
    killed_with_flows(place, folder, ("worker", "nursery", "exporter"))
    said, stored = started_again(place, folder)
    assert stored == 0
    assert "lost at most vb: 50 flows and 0 records" in said
