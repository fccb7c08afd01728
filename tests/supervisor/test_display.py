"""What a run is shown as while there is nothing to watch yet."""

from types import SimpleNamespace

import pytest

from shared.logs import Log
from supervisor.display import Display
from supervisor.notify import in_words
from supervisor.outbound import Report
from supervisor.screen import NoScreen
from supervisor.session import Phase

NOTE = "compiling kernels into /var/cache/flowherd: 3 of 9"


@pytest.fixture
def display():
    herd, nursery = SimpleNamespace(posts={}), SimpleNamespace(sandbox="")
    return Display(Log("supervisor"), NoScreen(), herd, nursery, SimpleNamespace(report=Report()))


def test_what_takes_long_is_told_to_whoever_asks(display):
    """With a live table or without one."""
    display.note = NOTE
    display.show(Phase.WORKING.value, (), 1.0)
    assert display.as_map()["phase"] == NOTE
    assert in_words(display._shown) == NOTE
    display.note = ""
    display.show(Phase.WORKING.value, (), 2.0)
    assert display.as_map()["phase"] == "working"


def test_whoever_is_told_to_stop_meanwhile_says_so(display):
    """Systemd waits for it."""
    display.note = NOTE
    display.show(Phase.DRAINING_EXPORTER.value, (), 1.0)
    assert display.as_map()["phase"] == "draining exporter"
