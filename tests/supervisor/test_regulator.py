"""`--sample auto` by posts: what raised a rate is told as long as the rate is ours to choose."""

import os
from types import SimpleNamespace

import pytest

from shared.logs import Log
from shared.settings import CaptureSettings
from supervisor.lifecycle import Life, State
from supervisor.links import Link
from supervisor.post import Post
from supervisor.regulator import Regulator

BUSY = CaptureSettings(sample="auto", records_target=1_000, sample_raise_s=1.0)


@pytest.fixture
def raised():
    """A regulator after a busy second of interface 2."""
    page = {"records_sent": 0, "packets_received": 0, "kernel_dropped": 0}
    capture = CaptureSettings(sample=1)
    post = Post(Link("eth0", 2), capture, life=Life(State.RUNNING), worker=SimpleNamespace(pid=os.getpid()))
    post.table = SimpleNamespace(read=lambda: page)
    regulator = Regulator(Log("supervisor", "error"))
    assert regulator.rate_of(2, 1) == 1
    for step in range(14):
        regulator.look([post], {2: BUSY}, 100.0 + step / 10)
        page["records_sent"] += 123_456
    return regulator


def test_what_raised_it_is_a_clause_with_numbers_to_read(raised):
    assert raised.rate_of(2, 1) > 1
    assert raised.why_of(2) == "1,234,560 records/s, more than the target of 1,000"
    post = Post(Link("eth0", 2), CaptureSettings(sample=2048), rate_why=raised.why_of(2))
    assert post.thinned() == (
        "one of 2,048 flows is kept: 1,234,560 records/s, more than the target of 1,000"
    )


def test_it_is_forgotten_with_auto(raised):
    raised.keep({2})
    assert raised.why_of(2)
    raised.keep(set())
    assert (raised.rate_of(2, 1), raised.why_of(2)) == (1, "")
