"""kprobe's own captures as Kentik's records: what its tests assert, on the record of the right direction."""

import pytest

from exporter.kentik.body import body
from exporter.kentik.columns import columns_of
from exporter.kentik.device import Device
from exporter.kentik.sides import sides
from exporter.kentik.split import part
from tests.kentik import devices, payloads, reader
from tests.worker.replayed import Replayed

NAMES = {number: name for name, number in devices.CURRENT.items()}
DEVICE = Device(7, columns_of(devices.columns(devices.CURRENT)))


@pytest.fixture(scope="module")
def of(captures):
    return lambda name: told(Replayed(captures / "kprobe" / name).batches)


def told(batches):
    """(flow, customs by name) of each record."""
    octets = body([part(sides(batch)) for batch in batches], DEVICE).octets
    flows = payloads.flows(octets, "gzip")
    payloads.check(flows, 7)
    return [(flow, {NAMES[number]: value for number, value in flow.by_id().items()}) for flow in flows]


def addresses(customs, *names):
    return [str(reader.address(customs[name])) for name in names]


def total(records, name):
    return sum(customs.get(name, 0) for _, customs in records)


def test_dns(of):
    found = [(flow, customs) for flow, customs in of("google.com-any.pcap") if customs.get("INT00") == 255]
    (asked, question), (answered, answer) = found
    assert (asked["l4DstPort"], answered["l4SrcPort"]) == (53, 53)
    assert (asked["appProtocol"], answered["appProtocol"]) == (1, 1)
    assert question == {
        "STR00": "google.com",
        "INT00": 255,
        "APP_PROTOCOL": 1,
        "CONNECTION_ID": answer["CONNECTION_ID"],
    }
    assert (answer["STR00"], answer["INT01"], len(answer["STR01"].split(";"))) == ("google.com", 0, 15)
    assert (answer["APPL_LATENCY_MS"], answer["FPEX_LATENCY_MS"]) == (44, 44)


def test_fragments(of):
    records = of("sns-pb.isc.org-dnssec.pcap")
    assert sum(flow["inPkts"] + flow["outPkts"] for flow, _ in records if flow["l4SrcPort"] == 53) == 3
    assert total(records, "FRAGMENTS") == 3


def test_http(of):
    records = of("google.com.pcap")
    (_, answer) = next((flow, customs) for flow, customs in records if "INT00" in customs)
    (asked, question) = next((flow, customs) for flow, customs in records if customs.get("STR01"))
    wanted = {"STR00": "/", "STR01": "google.com", "STR02": "", "STR03": "curl/7.38.0"}
    assert asked["l4DstPort"] == 80
    assert wanted.items() <= question.items()
    assert wanted.items() <= answer.items()
    assert (answer["INT00"], answer["APPL_LATENCY_MS"], answer["FPEX_LATENCY_MS"]) == (302, 7, 7)
    assert not {"APPL_LATENCY_MS", "INT00", "FPEX_LATENCY_MS"} & set(question)


def test_latencies_stand_on_the_side_they_lead_to(of):
    records = of("google.com.pcap")
    for flow, customs in records:
        from_client = flow["l4DstPort"] == 80
        assert "SERVER_NW_LATENCY_MS" not in customs or not from_client
        assert "CLIENT_NW_LATENCY_MS" not in customs or from_client
    assert total(records, "SERVER_NW_LATENCY_MS")
    assert total(records, "CLIENT_NW_LATENCY_MS")
    assert len({customs["CONNECTION_ID"] for _, customs in records}) == 1


def test_dhcp(of):
    (_, request), (_, ack) = of("dhcpv4.pcap")
    assert (request["INT00"], request["INT01"], request["STR00"]) == (1, 3, "00:1c:42:60:bb:37")
    assert request["STR01"] == "chdev"
    assert (ack["INT00"], ack["INT01"], ack["INT02"], ack["STR02"]) == (2, 5, 1800, "localdomain")
    assert addresses(ack, "INET_00", "INET_01", "INET_02") == ["0.0.0.0", "10.211.55.16", "10.211.55.1"]
    assert ack["APPL_LATENCY_MS"] >= 1
    assert "APPL_LATENCY_MS" not in request


@pytest.mark.parametrize(("name", "status"), [("radius-acct-start.pcap", 1), ("radius-acct-stop.pcap", 2)])
def test_radius_accounting(of, name, status):
    (asked, request), (answered, reply) = of(name)
    assert (asked["l4DstPort"], answered["l4SrcPort"], asked["appProtocol"]) == (1813, 1813, 9)
    assert (request["INT00"], request["STR00"], request["INT02"]) == (4, "bob", status)
    assert reply["INT00"] == 5
    assert reply["APPL_LATENCY_MS"] >= 1
    if status == 1:
        assert addresses(request, "INET_00") == ["10.1.2.3"]


def test_radius_access(of):
    records = of("radius-auth-req.pcap")
    assert [customs["INT00"] for _, customs in records] == [1, 11, 1, 2]
    assert [flow["l4DstPort"] == 1812 for flow, _ in records] == [True, False, True, False]


def test_retransmits(of):
    for port, (retransmits, repeated) in {52952: (8, 1), 52953: (6, 1)}.items():
        ours = [one for one in of("retransmits.pcap") if port in (one[0]["l4SrcPort"], one[0]["l4DstPort"])]
        assert total(ours, "RETRANSMITTED_OUT_PKTS") == retransmits
        assert total(ours, "REPEATED_RETRANSMITS") == repeated


def test_zero_windows(of):
    records = of("zero_windows.pcap")
    (sender,) = {flow["l4SrcPort"] for flow, customs in records if "ZERO_WINDOWS" in customs}
    assert (sender, total(records, "ZERO_WINDOWS")) == (2222, 10)
    assert all("RECEIVE_WINDOW" in customs for _, customs in records)


def test_tls(of):
    records = [one for one in of("google.com-tls-1.2.pcap") if "STR00" in one[1]]
    assert len(records) == 2
    for flow, customs in records:
        assert (flow["appProtocol"], customs["STR00"]) == (3, "google.com")
        assert (customs["INT00"], customs["INT01"]) == (0x0303, 0xC02B)
