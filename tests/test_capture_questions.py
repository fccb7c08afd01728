"""Real captures beside the checkout, decoding on: TCP's losses, DNS, HTTP and TLS as tshark sees them.

The questions are those of ../shared/tools/compare.py. Where we differ, the capture is named and the reason given.
"""

import pytest

from tests.captured_truth import tool
from tests.worker.replayed import Replayed

FORGOTTEN = "a flow silent for 60 s leaves the table, and what it sends later is met as if for the first time"
AFTER_LOSS = (
    "octets of bodies are missing: tshark gives up, we go on at the next segment that looks like a head"
)
EXCEPTIONS = {
    "tcp": {"many-protocols.pcap": FORGOTTEN, "tls-subjectaltname.pcap": FORGOTTEN},
    "dns": {
        "fuzz-2006-06-26-2594.pcap": "responses whose query the fuzzer made unreadable or moved to another address: a "
        "record all the same, without latency; and a name that is no UTF-8 is written otherwise",
    },
    "http": {
        "1kxun.pcap": AFTER_LOSS,
        "raw_ip.pcap": AFTER_LOSS,
        "gnutella.pcap": "HTTP on odd ports, which tshark takes for gnutella's",
        "heuristic_tcp_ack_payload.pcap": "payload on segments that tshark takes for acknowledgements alone",
        "example.pcap": "UPnP's SUBSCRIBE on an odd port",
        "http2-range.pcap": "101 Switching Protocols is the answer to its request; the truth leaves out all 1xx",
    },
    "tls": {"heuristic_tcp_ack_payload.pcap": "as in http"},
}
LEAST = {"tcp": 0.98, "dns": 0.97, "http": 0.97, "tls": 0.99}  # of items; missing and extra ones count alike
LEAST_CAPTURES = 0.9  # for tcp


@pytest.fixture(scope="module")
def records(every_capture):
    return {path: Replayed(path).records for path in every_capture}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("question", EXCEPTIONS)
def test_messages_are_as_tshark_sees_them(every_capture, truths, records, question):
    differs = getattr(tool("compare"), f"diff_{question}")
    wrong, right, items, asked = {}, 0, 0, 0
    for path in every_capture:
        bad, total = differs(truths[path], records[path])
        asked += bool(total)
        items += total
        right += max(total - len(bad), 0) if total else 0
        if bad:
            wrong[path.name] = bad
    unexpected = {name: bad[:5] for name, bad in wrong.items() if name not in EXCEPTIONS[question]}
    assert not unexpected
    assert set(EXCEPTIONS[question]) == set(wrong), "an exception that is none any more"
    assert right >= LEAST[question] * items
    if question == "tcp":
        assert len(wrong) <= (1 - LEAST_CAPTURES) * asked


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_latencies_are_as_tshark_times_them(every_capture, truths, records):
    """Handshakes of connections that a flow of ours is, DNS and HTTP answers; halving loses half a microsecond."""
    for compare in (compare_handshakes, compare_dns, compare_http):
        same, of = compare(every_capture, truths, records)
        assert of > 100
        assert same >= 0.97 * of


def compare_handshakes(every_capture, truths, records):
    """(equal, compared) legs of the server: from the last SYN to the SYN-ACK."""
    same = of = 0
    for path in every_capture:
        ours = {}
        for record in records[path]:
            if record.get("server_latency_us") is not None:
                ends = record["src_addr"], record.get("src_port"), record["dst_addr"], record.get("dst_port")
                ours.setdefault(ends, set()).add(record["server_latency_us"])
        for connection in truths[path]["tcp"]:
            shaken = connection["handshake"]
            leg = shaken.get("server_leg_last_syn", shaken.get("server_leg"))
            found = ours.get((*connection["client"], *connection["server"]))
            if leg is not None and 0 <= float(leg) < 60 and found:
                of += 1
                same += any(abs(float(leg) * 5e5 - one) <= 1 for one in found)
    return same, of


def compare_dns(every_capture, truths, records):
    """(equal, compared) times to the answer, by client, server and port."""
    same = of = 0
    for path in every_capture:
        ours = latencies(records[path], "dns")
        for message in truths[path]["dns"]:
            ends = message["dst"], message.get("dport"), message["src"], message["sport"]
            if message.get("kind") == "dns" and isinstance(message.get("latency"), str) and ends in ours:
                of += 1
                same += is_among(message["latency"], ours[ends])
    return same, of


def compare_http(every_capture, truths, records):
    """(equal, compared) times from a request's last octet to the first of its response."""
    same = of = 0
    for path in every_capture:
        ours = latencies(records[path], "http")
        for message in truths[path]["http_transactions"]:
            ends = (*message["client"], *message["server"])
            if "first_byte_latency" in message and ends in ours:
                of += 1
                same += is_among(message["first_byte_latency"], ours[ends])
    return same, of


def latencies(records, protocol):
    """Client and server, with their ports, to the times of all their answers."""
    found = {}
    for record in records:
        if record.get("app_protocol") == protocol and record.get("app_latency_us") is not None:
            ends = record["src_addr"], record.get("src_port"), record["dst_addr"], record["dst_port"]
            found.setdefault(ends, set()).add(record["app_latency_us"])
    return found


def is_among(seconds, found):
    return any(abs(float(seconds) * 1e6 - one) <= 1 for one in found)
