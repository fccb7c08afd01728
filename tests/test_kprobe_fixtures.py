"""kprobe's own captures beside the checkout: the values its tests assert, but for what is known as its defects."""

import pytest

from tests.worker.replayed import Replayed


@pytest.fixture(scope="module")
def of(captures):
    return lambda name: Replayed(captures / "kprobe" / name).records


def exchanges(records, protocol):
    """The exchanges' records."""
    return [record for record in records if record.get("app_protocol") == protocol]


def test_dhcp(of):
    request, ack = exchanges(of("dhcpv4.pcap"), "dhcp")
    assert (request["dhcp_op"], request["dhcp_message_type"]) == (1, 3)
    assert (request["dhcp_client_mac"], request["dhcp_host_name"]) == ("00:1c:42:60:bb:37", "chdev")
    assert (ack["dhcp_op"], ack["dhcp_message_type"]) == (2, 5)
    assert (ack["dhcp_your_addr"], ack["dhcp_server_addr"]) == ("10.211.55.16", "10.211.55.1")
    assert (ack["dhcp_domain"], ack["dhcp_lease_s"]) == ("localdomain", 1800)
    assert ack["app_latency_us"] >= 0  # kprobe says 1 ms whatever it was, its defect 10


def test_dns_with_every_type_of_answer(of):
    found = exchanges(of("google.com-any.pcap"), "dns")
    assert len(found) == 3
    of_all = next(record for record in found if record["dns_query_type"] == 255)
    assert (of_all["dns_query"], of_all["dns_rcode"]) == ("google.com", 0)
    assert (of_all["app_latency_us"] // 1000, of_all["fpex_latency_us"] // 1000) == (44, 44)
    answers = of_all["dns_answers"].split(";")
    assert len(answers) == 15
    assert "" in answers
    assert {"172.217.26.14/A", "2404:6800:4004:809::200e/AAAA"} <= set(answers)


def test_fragments(of):
    records = of("sns-pb.isc.org-dnssec.pcap")
    assert sum(record["rev_packets"] for record in records) == 3
    assert sum(record["rev_fragments"] for record in records) == 3
    assert exchanges(records, "dns")[0]["dns_query"] == "sns-pb.isc.org"


def test_http(of):
    (found,) = exchanges(of("google.com.pcap"), "http")
    assert (found["http_method"], found["http_url"], found["http_host"]) == ("GET", "/", "google.com")
    assert (found["http_user_agent"], found["http_status"]) == ("curl/7.38.0", 302)
    assert (found["app_latency_us"] // 1000, found["fpex_latency_us"] // 1000) == (7, 7)


def test_http_ended_by_a_fin_with_data(of):
    (found,) = exchanges(of("http-1.0-fin-data.pcap"), "http")
    assert found["http_status"] == 200


def test_padding_is_no_payload(of):
    (record,) = of("ipv4_eth_padding.pcap")
    assert "fpex_latency_us" not in record


@pytest.mark.parametrize(("name", "status"), [("radius-acct-start.pcap", 1), ("radius-acct-stop.pcap", 2)])
def test_radius_accounting(of, name, status):
    request, reply = exchanges(of(name), "radius")
    assert (request["radius_code"], request["radius_user_name"], request["radius_acct_status"]) == (
        4,
        "bob",
        status,
    )
    assert reply["radius_code"] == 5
    assert reply["app_latency_us"] > 0
    if status == 1:
        assert request["radius_framed_addr"] == "10.1.2.3"


def test_radius_access(of):
    found = exchanges(of("radius-auth-req.pcap"), "radius")
    assert [record["radius_code"] for record in found] == [1, 11, 1, 2]
    assert found[0]["radius_user_name"] == "John.McGuirk"
    assert found[-1]["radius_service_type"] == 2
    assert found[-1]["radius_framed_addr"] == "255.255.255.254"


def test_retransmits(of):
    sent_again = {52952: (8, 1), 52953: (6, 1)}
    for port, (retransmits, repeated) in sent_again.items():
        ours = [
            record for record in of("retransmits.pcap") if port in (record["src_port"], record["dst_port"])
        ]
        assert both_ways(ours, "retransmits") == retransmits
        assert both_ways(ours, "repeated_retransmits") == repeated


def both_ways(records, name):
    """A counter's sum over records and directions; absent where no packet went."""
    return sum(record.get(name, 0) + record.get(f"rev_{name}", 0) for record in records)


def test_zero_windows(of):
    assert both_ways(of("zero_windows.pcap"), "zero_windows") == 10


def test_tls(of):
    (found,) = exchanges(of("google.com-tls-1.2.pcap"), "tls")
    assert (found["tls_server_name"], found["tls_version"], found["tls_cipher"]) == (
        "google.com",
        0x0303,
        0xC02B,
    )
