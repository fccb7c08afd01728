"""A herd without processes: who is forked when, decided before any time passes."""

import time
from types import SimpleNamespace

import pytest

from shared.logs import Log
from shared.settings import CaptureSettings
from supervisor import lifecycle
from supervisor.child import End
from supervisor.herd import Herd, HerdNews
from supervisor.lifecycle import State
from supervisor.links import Link
from supervisor.loop import Loop
from supervisor.post import Post
from supervisor.table import Table


class Nursery:
    """Takes every order."""

    is_ready = True

    def __init__(self):
        self.orders = []

    def fork(self, spec, hands):
        self.orders.append((spec["name"], hands[0]))
        return True


@pytest.fixture
def herd():
    loop = Loop()
    herd = Herd(loop, Log("supervisor", "error"), HerdNews(*[lambda *_: None] * 3))
    herd.forks.nursery, herd.forks.exporter = Nursery(), SimpleNamespace(attach=lambda *_: None)
    post = Post(Link("eth0", 2), CaptureSettings(capture="pcap"), table=Table.create("eth0", 8))
    herd.staff(post)
    yield herd
    if post.worker:
        post.worker.hang_up()
    post.close()
    loop.close()


def test_the_successor_of_a_killed_worker_is_ordered_in_the_same_breath(herd):
    """No turn of the loop, no wait: of the same table."""
    post = herd.posts["eth0"]
    first = post.worker
    post.life = lifecycle.capturing(post.life, time.monotonic())
    herd.ended(first, End(signal=9))
    first.hang_up()
    assert herd.forks.nursery.orders == [("eth0", post.table.fd)] * 2
    assert post.worker is not None
    assert post.worker is not first
    assert (post.life.state, post.life.restarts) == (State.STARTING, 1)


def test_whoever_is_moved_is_told_with_where_from(herd):
    post = herd.posts["eth0"]
    assert herd.move({"eth0": 1}) == {}, "nobody gave it a core: it is free to roam"
    post.core = 0
    assert herd.move({"eth0": 0, "eth1": 1}) == {}
    assert herd.move({"eth0": 1}) == {"eth0": (0, 1)}
    assert post.core == 1
