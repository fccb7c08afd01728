"""What waits in a ring for another worker with another table is ours, whether one comes for it or not."""

import time
from types import SimpleNamespace

import pytest

from shared.errors import FlowherdError
from shared.logs import Log
from shared.settings import CaptureSettings
from supervisor import muster as musters
from supervisor.forks import Forks
from supervisor.links import Link
from supervisor.muster import Muster
from supervisor.post import Handover, Post
from supervisor.ring_size import Bounds
from supervisor.rings import Rings
from supervisor.table import Table
from supervisor.tally import Tally


class Ring:
    """Holds seven packets and had no room for two."""

    group, mib, number, is_attached = 1, 4, 0, True

    def __init__(self):
        self.dropped, self.is_closed = 2, False

    def forget_drops(self):
        before, self.dropped = self.dropped, 0
        return before

    def close(self):
        self.is_closed = True


class Held(Rings):
    """Counted without memory."""

    def unread(self, _words, _before_ns):
        return 7


def left(**words):
    """By a worker that was there a second ago."""
    table = Table.create("eth0", 8)
    page = table.read() | {"pid": 7, "heartbeat_ns": int((time.monotonic() - 1) * 1e9)} | words
    table.close()
    return Handover(None, Held(Ring()), page)


@pytest.fixture
def heir():
    post = Post(Link("eth0", 2), CaptureSettings())
    post.inherit(left())
    yield post
    post.close()


def test_it_is_as_silent_as_who_left_it_the_ring(heir):
    """The nursery may be hung meanwhile: what comes has room all the same."""
    assert heir.rings.look(heir.counters(), Bounds(4, 64), time.monotonic()) == 64


def test_what_it_never_came_to_read_is_counted(heir):
    assert not heir.is_fresh()
    assert heir.unread() == 7


def test_drops_before_its_worker_came_are_its_own(heir):
    """Only before the first worker of all nothing was promised."""
    forks = Forks(None, Log("supervisor", "error"), {}, SimpleNamespace())
    forks._forget_wait(heir)
    assert heir.ring.dropped == 2


def test_a_ring_that_nobody_comes_for_is_counted_once():
    handed = left()
    assert (handed.lost(), handed.lost()) == (9, 7)
    assert left(pid=0, heartbeat_ns=0).lost() == 0


def test_the_ring_of_a_link_that_went_away_waits_for_nobody(heir):
    """Whatever came after its worker's last packet is counted, and not only what came before the order to drain."""
    tally, ring = Tally(Log("supervisor", "error")), heir.ring
    ring.is_attached = False
    muster = object.__new__(Muster)
    muster._herd, muster._left = SimpleNamespace(tally=tally), {}
    muster.keep(heir)
    assert (tally.past["kernel_dropped"], muster._left, ring.is_closed) == (9, {}, True)
    assert heir.unread() == 0


def test_an_heir_that_cannot_be_opened_leaves_nothing_uncounted(monkeypatch):
    """There is no memory for its table."""

    def no_memory(*_):
        raise FlowherdError("too little for a flow table")

    handed, tally = left(), Tally(Log("supervisor", "error"))
    muster = object.__new__(Muster)
    muster._herd, muster._left = SimpleNamespace(tally=tally), {2: handed}
    monkeypatch.setattr(musters, "program_of", lambda *_: ())
    monkeypatch.setattr(Table, "create", no_memory)
    with pytest.raises(FlowherdError, match="too little"):
        muster._open(Post(Link("eth0", 2), CaptureSettings()))
    assert (tally.past["kernel_dropped"], handed.rings.current.is_closed) == (9, True)
