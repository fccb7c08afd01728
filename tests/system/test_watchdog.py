"""Who hangs says where in the log, is replaced, and no packet is lost."""

import os
import signal

import pytest

from tests.captures import pcap
from tests.segments import segment
from tests.system.host import children, flowherd, needs_tcpreplay, until, wire
from tests.worker.trial import START_NS

pytestmark = [pytest.mark.root, pytest.mark.slow, needs_tcpreplay]


@pytest.fixture
def place():
    with wire() as made:
        yield made


def played(folder, count):
    """A capture file of so many packets in half as many flows."""
    path = folder / "played.pcap"
    frames = [
        b"\2" * 12 + b"\x08\0" + segment(0, "A", 1, 1, ports=(20_000 + i // 2, 443)) for i in range(count)
    ]
    path.write_bytes(pcap([(START_NS + i, data) for i, data in enumerate(frames)]))
    return path


def test_whoever_is_stopped_is_found_explained_and_replaced(place, folder):
    """Worker, nursery and exporter at once; the worker's and the exporter's stacks are in the log."""
    path = played(folder, 2000)
    with flowherd(place, folder, "-v") as live:
        live.capturing()
        until(lambda: "exporter is ready" in live.said(), live.said)
        parent = live.process.pid
        before = [children(parent, f"flowherd {kind}")[0] for kind in ("worker", "nursery", "exporter")]
        for pid in before:
            os.kill(pid, signal.SIGSTOP)
        place.replay(path, "--pps=20000")
        until(lambda: "exporter ended, starting again" in live.said(), live.said)
        live.received(2000)
        records = live.stop()
        said = live.said()
    assert "worker ended, starting again interface=vb" in said
    assert "hung: no heartbeat for 5 s" in said
    assert "nursery ended, starting again" in said
    assert "Fatal Python error: Aborted" in said
    assert "worker/run.py" in said, "the worker's stack"
    assert "exporter/run.py" in said, "the exporter's stack"
    assert sum(r["packets"] + r["rev_packets"] for r in records) == 2000
