"""A sink's thread, without a sink: how it waits."""

import pytest

from exporter.delivery import BACKOFF_FIRST_S, BACKOFF_LONGEST_S, Delivery
from exporter.spool import Spool
from shared.record import Batch, pack
from shared.wire import Message
from supervisor.outbound import Report
from tests.exporter.rig import some_rows


class Broken:
    """A sink that takes nothing."""

    def discard(self):
        """It has nothing."""


@pytest.mark.parametrize(
    ("failures", "wait_s"),
    [(1, BACKOFF_FIRST_S), (2, 2 * BACKOFF_FIRST_S), (7, BACKOFF_LONGEST_S), (5000, BACKOFF_LONGEST_S)],
)
def test_the_wait_grows_to_its_longest_and_stays(tmp_path, monkeypatch, failures, wait_s):
    """Two days of failures end nothing."""
    delivery = Delivery("broken", Broken(), Spool(tmp_path, durable=False))
    waits = []
    monkeypatch.setattr(delivery._draining, "wait", waits.append)
    delivery._failures = failures - 1
    delivery._failed(OSError("nobody there"))
    assert waits == [wait_s]


def test_what_waits_is_counted_whoever_put_it_there(tmp_path):
    """An exporter that follows one that died has received none of it."""
    before = Spool(tmp_path, durable=False)
    for first in (0, 5):
        payload = pack(Batch("eth0", 2, 1, some_rows(first, 5), {}))
        before.put(Message(1, first, 5, payload), 0)
        before.sync()
    after = Spool(tmp_path, durable=False)
    delivery = Delivery("broken", Broken(), after)
    delivery.cursor = 1
    assert delivery.waiting() == 5
    report = Report()
    report.take(
        {"sinks": [{"name": "broken", "records": 0, "dropped": 0, "waiting": 5, "error": "nobody there"}]}
    )
    assert report.undelivered("wait") == ["broken: 5 records wait: nobody there"]


def filled_spool(folder, batches=2):
    """So many batches of five records, for a sink that had none of them."""
    spool = Spool(folder, durable=False)
    for first in range(0, batches * 5, 5):
        spool.put(Message(1, first, 5, pack(Batch("eth0", 2, 1, some_rows(first, 5), {}))), 0)
        spool.sync()
    return spool


class Healed(Broken):
    """It failed often, and now it works."""

    def __init__(self, failures=0):
        self.failures, self.taken = failures, []

    def add(self, sequence, batch):
        """Numbers are all that is asked for."""
        self.taken.append(sequence)

    def due(self, *, idle):
        """When nothing more waits."""
        return idle

    def flush(self):
        """Fail as often as told."""
        if self.failures:
            self.failures -= 1
            raise OSError("still full")

    def tidy(self):
        """It has nothing."""

    close = discard = tidy


@pytest.mark.parametrize(("failures", "delivered"), [(0, 10), (1, 0)])
def test_who_failed_long_is_tried_once_more_before_the_end(tmp_path, failures, delivered):
    """Room came back while the sink was waiting: all is delivered; if not, nobody is kept waiting."""
    delivery = Delivery("healed", Healed(failures), filled_spool(tmp_path))
    delivery._failures = 40
    delivery.drain()
    delivery.run()
    assert delivery.records == delivered
    assert delivery.waiting() == 10 - delivered


def test_a_sink_without_a_cursor_gets_what_others_wait_for(tmp_path):
    """Its store was removed, say: it begins with the oldest batch of the spool, not after the newest."""
    spool = filled_spool(tmp_path, batches=3)
    assert spool.start == 0
    spool.release(2)
    assert spool.start == 2
    spool.release(3)
    assert spool.start == spool.last == 3


@pytest.mark.parametrize("failures", [1, 9])
def test_who_failed_and_has_nothing_to_deliver_ends(tmp_path, failures):
    """What it failed with was too old at last, or no record at all: nothing is left to try."""
    delivery = Delivery("healed", Healed(), Spool(tmp_path, durable=False))
    delivery._failures = failures
    delivery.drain()
    assert not delivery._go_on()
