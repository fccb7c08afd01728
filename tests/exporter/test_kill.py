"""kill -9 of the exporter at random moments: what was acknowledged is delivered, and delivered once."""

import contextlib
import json
import os
import random
import threading
import time

import pytest

from tests.exporter.rig import Rig, message, settings, stored

EPOCH = 11
BATCH = 500


def lines_of(path):
    return [json.loads(line)["bytes"] for line in path.read_text().splitlines()]


def start(folder, **more):
    out = os.open(folder / "flows.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    rig = Rig(settings(folder, "store", "jsonl", **more), [out])
    os.close(out)
    rig.hear("ready")
    return rig


def send_until_killed(rig, worker, first, last):
    """Send as a worker does, from what was acknowledged, until the exporter is gone."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for number in range(first, last, BATCH):
            worker.send(message(EPOCH, number, BATCH))
            worker.listen()
    while rig.process.poll() is None and worker.listen().get(EPOCH, first) < last:
        time.sleep(0.001)
    worker.listen()


@pytest.mark.parametrize("durable", [False, True], ids=["plain", "durable"])
def test_nothing_acknowledged_is_lost_and_nothing_doubled(tmp_path, durable):
    """Twelve kills within 300 batches; numbers in store and lines are those sent, each once."""
    chance, total, acknowledged = random.Random(5), 300 * BATCH, 0
    for kill in range(13):
        rig = start(tmp_path, durable=durable)
        worker = rig.worker()
        if kill < 12:
            threading.Timer(chance.uniform(0.001, 0.25), rig.process.kill).start()
        send_until_killed(rig, worker, acknowledged, total if kill == 12 else (kill + 1) * 24 * BATCH)
        rig.process.poll()
        now = worker.acknowledged.get(EPOCH, acknowledged)
        assert now >= acknowledged
        acknowledged = now
        worker.close()
        if kill < 12:
            rig.kill()
    rig.drain()
    assert acknowledged == total
    assert list(range(total)) == stored(tmp_path / "store")
    assert list(range(total)) == lines_of(tmp_path / "flows.jsonl")


def test_acknowledged_numbers_are_remembered_without_the_batches(tmp_path):
    """All is delivered and let go of; a successor still knows a batch that is sent again."""
    rig = start(tmp_path)
    worker = rig.worker()
    worker.send(message(EPOCH, 0, BATCH))
    while worker.listen().get(EPOCH) != BATCH:
        time.sleep(0.001)
    rig.drain()
    rig = start(tmp_path)
    worker = rig.worker()
    worker.send(message(EPOCH, 0, BATCH) + message(EPOCH, BATCH, BATCH))
    while worker.listen().get(EPOCH) != 2 * BATCH:
        time.sleep(0.001)
    totals = rig.drain()
    assert totals["records"] == BATCH
    assert list(range(2 * BATCH)) == lines_of(tmp_path / "flows.jsonl")
    assert list(range(2 * BATCH)) == stored(tmp_path / "store")
