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
