"""The flags of the decoders, through the command line: which ports are read, and that nothing is."""

import pytest

from tests.captures import pcap
from tests.conversations import C, S, dns_answer, dns_query, request, response, sized
from tests.segments import datagram
from tests.system.host import replayed
from tests.worker.heard import Line


@pytest.fixture
def capture(folder):
    """HTTP after 200 octets that look like nothing, on port 8081; DNS on port 5353 plus 47, over UDP."""
    line = Line(port=8081).handshake()
    line.say(C, request(url="/odd")).say(S, response(200, sized(b"fine"), b"fine")).end()
    ends = (40_001, 5400)
    asked = [(0, dns_query(7, "a.example")), (1, dns_answer(7, "a.example", 9))]
    packets = [(time_ns, data) for time_ns, _link, data, _whole in line.frames]
    packets += [(packets[-1][0] + 1000 * way, datagram(way, data, ports=ends)) for way, data in asked]
    path = folder / "odd.pcap"
    path.write_bytes(pcap([(at, b"\2" * 12 + b"\x08\0" + data) for at, data in packets]))
    return path


def spoken(folder, capture, *words):
    """(protocol, what chose it) of the exchanges."""
    records, _ = replayed(folder, capture, least=2, words=words)
    return {(r["app_protocol"], r["app_by"]) for r in records if r.get("app_protocol")}


def test_ports_are_looked_at_unless_named(folder, capture):
    assert spoken(folder, capture) == {("http", "payload")}


def test_ports_named(folder, capture):
    told = spoken(folder, capture, "--http-port", "8081", "--http-port", "8082", "--dns-port=5400")
    assert told == {("http", "port"), ("dns", "port")}


def test_nothing_is_read(folder, capture):
    assert spoken(folder, capture, "--no-decode", "--http-port", "8081", "--dns-port", "5400") == set()
