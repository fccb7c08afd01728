"""Two flowherds in one fanout group: every packet is one's or the other's, and every flow is one's alone."""

import random

import pytest

from tests import frames
from tests.captures import pcap
from tests.segments import segment
from tests.system.host import Flowherd, flowherd, needs_tcpreplay, until, wire
from tests.worker.trial import START_NS

FLOWS, ROUNDS = 400, 10
GROUP = ("--fanout-group", "7")
pytestmark = [pytest.mark.root, pytest.mark.slow, needs_tcpreplay]


@pytest.fixture
def place():
    with wire() as made:
        yield made


def conversations(path):
    """TCP of so many flows, both ways, in any order."""
    found = [
        frames.ether(
            random.Random(1), 0x0800, segment(way, "A", 1, 1, payload=b"x", ports=(20_000 + flow, 443))
        )
        for flow in range(FLOWS)
        for way in (0, 1)
    ] * ROUNDS
    random.Random(2).shuffle(found)
    path.write_bytes(pcap([(START_NS + i * 1_000_000, data) for i, data in enumerate(found)]))
    return len(found)


def ends(record):
    return frozenset({(record["src_addr"], record["src_port"]), (record["dst_addr"], record["dst_port"])})


def test_a_group_shares_the_packets_by_flow(place, folder):
    path = folder / "played.pcap"
    count = conversations(path)
    with flowherd(place, folder / "one", *GROUP) as one, flowherd(place, folder / "two", *GROUP) as two:
        for live in (one, two):
            live.capturing()
        place.replay(path, "--pps=20000")
        packets = until(
            lambda: sum(p := [live.counters()["packets_received"] for live in (one, two)]) >= count and p,
            lambda: f"{one.counters()}\n{two.counters()}",
        )
        flows = [{ends(record) for record in live.stop()} for live in (one, two)]
    assert sum(packets) == count
    assert min(packets) > count // 5
    assert len(flows[0] | flows[1]) == FLOWS
    assert not flows[0] & flows[1]


def test_who_is_not_in_the_group_is_refused(place, folder):
    with flowherd(place, folder / "one", *GROUP) as one:
        one.capturing()
        for words in ((), ("--fanout-group", "8"), (*GROUP, "--fanout-mode", "lb")):
            (folder / "two").mkdir(exist_ok=True)
            other = Flowherd(place, folder / "two", *words)
            assert other.process.wait(30) == 1
            asked = "cannot be joined" if "lb" in words else "is already watched by the flowherd with pid"
            assert f"vb {asked}" in other.said() or f"vb: fanout group 7 {asked}" in other.said()
