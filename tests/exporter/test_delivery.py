"""A sink's thread, without a sink: how it waits."""

import pytest

from exporter.delivery import BACKOFF_FIRST_S, BACKOFF_LONGEST_S, Delivery
from exporter.spool import Spool


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
