"""From one capture ring to the next: nothing is left behind in the former, and it is let go of before that is said."""

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from shared import channel
from shared.vitals import PAGE_BYTES
from supervisor.ring import open_ring
from worker import run
from worker.capture.ring import RingOrder, RingSource
from worker.life import Life
from worker.run import Worker

WAIT_S = 0.05


class Backlog(RingSource):
    """A ring that takes so many steps to read; the last ones find nothing in it."""

    def __init__(self, steps, nothing=0):
        self.left, self.nothing, self.is_closed = steps, nothing, False

    @property
    def is_empty(self):
        return not (self.left or self.nothing)

    def kernel_drops(self):
        return 0

    def close(self):
        self.is_closed = True


def worker_of(source, monkeypatch, *, is_late=False):
    """One that is told of another ring, and what it says."""
    said, worker = [], object.__new__(Worker)
    monkeypatch.setattr(run, "LAST_BLOCK_S", WAIT_S)
    monkeypatch.setattr(RingSource, "begin", classmethod(lambda *_: "the next"))

    def step(source):
        time.sleep(WAIT_S / 4)
        source.left, taken = max(source.left - 1, 0), min(source.left, 1)
        return taken

    def say(**report):
        said.append((report["did"], source.is_closed))

    worker.words = np.zeros(PAGE_BYTES // 8, np.uint64)
    worker.life = SimpleNamespace(next_ring=RingOrder(0, 0, 0, 1), is_late=is_late, say=say)
    worker.step = step
    return worker, said


def test_a_long_backlog_is_read_to_its_end(monkeypatch):
    """However long that takes: nobody would count what stays there."""
    source = Backlog(12)
    worker, said = worker_of(source, monkeypatch)
    assert worker._follow(source) == "the next"
    assert source.left == 0
    assert said == [("moved", True)]


def test_a_block_that_never_ends_is_not_waited_for(monkeypatch):
    source = Backlog(2, nothing=1)
    worker, _ = worker_of(source, monkeypatch)
    assert worker._follow(source) == "the next"


def test_who_is_late_leaves_both_rings_to_be_counted(monkeypatch):
    source = Backlog(12)
    worker, said = worker_of(source, monkeypatch, is_late=True)
    assert worker._follow(source) is source
    assert said == []


@pytest.mark.root
def test_a_closed_ring_is_neither_mapped_nor_open():
    ring = open_ring("lo", 1, 2, (), promisc=False)
    words = np.zeros(PAGE_BYTES // 8, np.uint64)
    descriptor = os.dup(ring.sock.fileno())
    source = RingSource(descriptor, ring.block_bytes, ring.blocks, words)
    place = f"socket:[{os.fstat(descriptor).st_ino}]"
    assert place in Path("/proc/self/maps").read_text()
    source.close()
    ring.close()
    assert place not in Path("/proc/self/maps").read_text()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_whoever_got_an_answer_may_ask_again():
    """Refused once, a worker asks when it is told that there may be a larger ring after all."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        life = Life(theirs.detach(), np.zeros(PAGE_BYTES // 8, np.uint64), None)
        worker = object.__new__(Worker)
        worker.words, worker.life, life.may_grow = life._words, life, True
        asked = []
        for answer in (False, True, None):
            worker._shed(is_pressed=True)
            worker._shed(is_pressed=True)
            ours.setblocking(False)
            try:
                asked.append(channel.receive(ours)[0])
            except BlockingIOError:
                asked.append(None)
            if answer is not None:
                channel.send(ours, {"do": "bounds", "may_grow": answer})
                life.attend()
    assert asked == [{"did": "pressed"}, None, {"did": "pressed"}]
