"""The exporter's loop, with a real process, real pipes and a real channel."""

import json
import os

import pytest

from tests.exporter.rig import exporter, message, settings, stored, until


@pytest.mark.parametrize("sink", ["null", "jsonl"])
def test_counts_acknowledges_and_drains(tmp_path, sink):
    """What goes in is acknowledged, delivered, and added up in the totals."""
    out = os.open(tmp_path / "flows.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    with exporter(settings(tmp_path, sink, top=True), [out] if sink == "jsonl" else []) as rig:
        rig.hear("ready")
        worker = rig.worker()
        for first in range(0, 10_000, 1000):
            worker.send(message(7, first, 1000))
        until(lambda: worker.listen().get(7) == 10_000)
        worker.close()
        totals = rig.drain()
    assert totals["records"] == 10_000
    assert [sink["records"] for sink in totals["sinks"]] == [10_000]
    if sink == "jsonl":
        lines = [json.loads(line) for line in (tmp_path / "flows.jsonl").read_text().splitlines()]
        assert list(range(10_000)) == [line["bytes"] for line in lines]
        assert lines[7]["src_addr"] == "10.0.0.7"
        assert lines[7]["interface"] == "eth0"
        assert "tcp_flags" not in lines[7]


def test_store(tmp_path):
    """A drained store holds every record once."""
    with exporter(settings(tmp_path, "store", durable=True)) as rig:
        rig.hear("ready")
        worker = rig.worker()
        for first in range(0, 10_000, 1000):
            worker.send(message(7, first, 1000))
        until(lambda: worker.listen().get(7) == 10_000)
        worker.close()
        assert rig.drain()["sinks"][0]["records"] == 10_000
    found = stored(tmp_path / "store")
    assert found == list(range(10_000))
