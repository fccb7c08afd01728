"""Rings are given and refused; whoever asks for a larger one gets an answer."""

import time

import pytest

from shared.errors import FlowherdError
from shared.logs import Log
from shared.settings import CaptureSettings
from supervisor import resizer
from supervisor.links import Link
from supervisor.post import Post
from supervisor.resizer import Resizer
from supervisor.ring import Ring
from supervisor.rings import Rings
from tests.supervisor.test_ring import FakeSocket

WORDS = dict.fromkeys(("heartbeat_ns", "capturing_since_ns", "octets_received", "packets_received"), 0)


class Socket(FakeSocket):
    """Whose number nobody uses."""

    def fileno(self):
        return -1


class Worker:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def send(self, message, _descriptors=()):
        self.told.append((message["do"], message["may_grow"]))


class Fake(Post):
    """Opens no socket, has no table."""

    def _open_ring(self, _program, mib, fanout):
        if self.no_memory:
            raise FlowherdError("no room")
        return Ring(Socket(), mib * 8, 128 << 10, fanout)


@pytest.fixture
def post():
    made = Fake(Link("eth0", 2), CaptureSettings(ring_mib=16, ring_least_mib=4), worker=Worker())
    made.no_memory = False
    made.rings = Rings(Ring(Socket(), 32, 128 << 10, group=1))
    return made


@pytest.fixture
def resizing(monkeypatch):
    monkeypatch.setattr(resizer, "program_of", lambda *_: ())
    return Resizer(Log("supervisor", "error"))


def test_whoever_asks_gets_the_largest(post, resizing):
    resizing.relieve(post)
    resizing.relieve(post)  # it is on its way
    assert post.worker.told == [("ring", False)]


def test_whoever_was_refused_is_told_so_each_time(post, resizing):
    """Also a successor, who knows nothing of that: it reads less of what it has instead of waiting."""
    post.no_memory = True
    resizing.relieve(post)
    post.worker = Worker()
    resizing.relieve(post)
    assert post.worker.told == [("bounds", False)]


def test_who_has_the_largest_is_told_so(post, resizing):
    """A reload in the middle of a hand-over has it think otherwise."""
    post.rings = Rings(Ring(Socket(), 128, 128 << 10, group=1))
    resizing.relieve(post)
    assert post.worker.told == [("bounds", False)]


def test_a_filter_that_cannot_be_made_is_not_tried_at_each_look(post, monkeypatch):
    tried = []

    def refuse(*_):
        tried.append(1)
        raise FlowherdError("libpcap cannot open it")

    monkeypatch.setattr(resizer, "program_of", refuse)
    post.counters = lambda: WORDS | {"heartbeat_ns": 1}
    resizing = Resizer(Log("supervisor", "error"))
    for _ in range(3):
        resizing.fit([post], time.monotonic())
    assert len(tried) == 1


@pytest.mark.parametrize("word", ["heartbeat_ns", "capturing_since_ns"])
def test_who_stops_before_its_first_heartbeat_is_silent_too(post, resizing, word):
    now_s = time.monotonic()
    post.counters = lambda: WORDS | {word: int((now_s - 1) * 1e9)}
    resizing.fit([post], now_s)
    assert post.worker.told == [("ring", False)]


def test_who_waits_for_the_first_worker_waits_for_kernels(post, resizing):
    post.counters = lambda: WORDS
    resizing.fit([post], time.monotonic())
    assert post.worker.told == []
