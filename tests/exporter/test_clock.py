"""The host's clock is set back an hour, and forward again: nothing is dropped, doubled or out of order."""

import time

import pytest

from exporter.delivery import Delivery
from exporter.sinks.store import Store
from exporter.spool import Spool
from tests.exporter.rig import stored
from tests.exporter.test_spool import held, put
from tests.exporter.test_store import HOUR_S, batch, place

STEPS_S = (0, 10, -HOUR_S, -HOUR_S + 10, 0, HOUR_S)


@pytest.fixture
def clock(monkeypatch):
    """What `time.time_ns` and `time.time` say; set it in seconds from now."""
    began_s, step = time.time(), [0.0]
    monkeypatch.setattr(time, "time_ns", lambda: int((began_s + step[0]) * 1e9))
    monkeypatch.setattr(time, "time", lambda: began_s + step[0])
    return step


def test_the_spool_keeps_all_and_in_order(tmp_path, clock):
    spool, dropped = Spool(tmp_path, durable=False), []
    for place_, clock[0] in enumerate(STEPS_S):
        put(spool, 1, place_ * 10, 10)
        spool.keep_within(1 << 30, 86400.0, dropped.append)
    assert not dropped
    assert held(spool) == [(1, 10 * (n + 1)) for n in range(len(STEPS_S))]
    assert held(Spool(tmp_path, durable=False)) == held(spool)


def test_a_lag_is_never_less_than_nothing(tmp_path, clock):
    spool = Spool(tmp_path, durable=False)
    clock[0] = HOUR_S
    put(spool, 1, 0, 10)
    clock[0] = 0
    assert Delivery("x", None, spool).lag_s() == 0.0


def test_the_store_keeps_all_once(tmp_path, clock, monkeypatch):
    """Segments, their merging and their removal go on: an hour that comes twice is merged twice."""
    monkeypatch.setattr("exporter.sinks.store.TIDY_S", 0.0)
    store = Store(place(tmp_path, store_age_s=2.0 * 86400))
    store.open(0)
    for sequence, clock[0] in enumerate((*STEPS_S, 2 * HOUR_S, 2 * HOUR_S + 600), 1):
        store.add(sequence, batch((sequence - 1) * 10, 10))
        store.flush()
        store.tidy()
    store.close()
    assert stored(tmp_path) == list(range((len(STEPS_S) + 2) * 10))
    assert store.figures()["store_expired_records"] == 0
    assert store.figures()["store_files"] < len(STEPS_S) + 2
