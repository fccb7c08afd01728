"""Applications and the network in `flows` and `query`: shown, filtered, summed up."""

import json
import re

import pytest

from exporter.ja4 import ja4_of
from exporter.sinks.store import Store
from shared.reasons import AppProtocol
from shared.record import Batch
from tests.console.ask import ask
from tests.exporter.rig import ROOT, put_texts, some_rows
from tests.exporter.test_store import place

LONG = b"/search?q=" + b"x" * 300
TLS13 = {0: 772, 1: 0x1301}
# app_protocol, its texts, its numbers (0: an address that is absent), latency
EXCHANGES = [
    ("DNS", (b"sns-pb.isc.org", b"149.20.1.73/A"), {0: 1, 1: 0}, 12_000),
    ("DNS", (b"nowhere.example.com", b""), {0: 28, 1: 3}, 44_000),
    ("DNS", (b"", None), {0: 2}, None),
    ("HTTP", (b"/index.html", b"www.example.com:8080", None, b"curl/8.1", b"GET"), {0: 200}, 7_000),
    ("HTTP", (LONG, b"Example.COM", None, None, b"GET"), {}, None),
    ("HTTP", (b"proxy.test:443", b"proxy.test:443", None, None, b"CONNECT"), {0: 200}, 70),
    ("TLS", (b"www.google.com", b"h2", b"t13d1516h2_1301_0005_0403"), TLS13, None),
    ("QUIC", (b"notexample.com", b"h3", None), {}, None),
    ("DHCP", (b"00:1c:42:60:bb:37", b"chdev", None), {0: 2, 1: 5, 2: 0, 3: 0x0AD33710, 4: 0, 5: 1800}, 1_000),
    ("RADIUS", (b"bob\x1b[31m", b"s-1"), {0: 4, 2: 0x0A010203, 3: 0, 5: 1}, 2_000),
    ("POSTGRES", (b"alice", b"shop", b"SELECT"), {}, 800),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One record of each exchange, and one of a bulk transfer with losses, the oldest."""
    folder = tmp_path_factory.mktemp("store")
    rows = some_rows(0, len(EXCHANGES) + 1)
    rows["proto"][0], rows["bytes"][0] = 6, 123_456_789
    for name, value in {
        "retransmits": 31,
        "rev_retransmits": 0,
        "out_of_order": 0,
        "rev_out_of_order": 2,
    }.items():
        rows[name][0] = value
    rows["rtt_mean_us"][0], rows["rev_rtt_mean_us"][0] = 23_000, 150
    rows["client_latency_us"][1], rows["server_latency_us"][1] = 100, 4_900
    for row, (protocol, _texts, numbers, latency_us) in zip(rows[1:], EXCHANGES, strict=True):
        row["app_protocol"], row["app_by"], row["end_reason"] = AppProtocol[protocol], 1, 6
        row["proto"] = 6 if protocol in ("HTTP", "TLS", "POSTGRES") else 17
        row["dst_port"] = {"DNS": 53, "HTTP": 80, "DHCP": 67, "RADIUS": 1813, "POSTGRES": 5432}.get(
            protocol, 443
        )
        for cell, number in numbers.items():
            row[f"number{cell}"] = number
        if latency_us is not None:
            row["app_latency_us"] = latency_us
    octets = put_texts(rows, [(), *(texts for _protocol, texts, _numbers, _latency in EXCHANGES)])
    made = Store(place(folder))
    made.open(0)
    made.add(1, Batch("eth0", 2, 1, rows, texts=octets))
    made.flush()
    made.close()
    return folder


def found(store, *words):
    done = ask("flows", store, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("words", "protocols"),
    [
        (["--app", "dns"], ["dns"] * 3),
        (["--app", "postgres"], ["postgres"]),
        (["--name", "example.com"], ["dns", "http", "http"]),
        (["--name", "www.Example.com."], ["http"]),
        (["--name", "google.com", "--app", "dns"], []),
        (["--name", "%"], []),
    ],
)
def test_filters(store, words, protocols):
    assert sorted(record["app_protocol"] for record in found(store, *words)) == protocols


def test_an_unknown_protocol_is_a_usage_error(store):
    done = ask("flows", store, "--app", "gopher")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "radius" in done.stderr


TOLD = [
    "dns sns-pb.isc.org A NOERROR 12 ms",
    "dns nowhere.example.com AAAA NXDOMAIN 44 ms",
    "dns . NS no answer",
    "http GET www.example.com:8080/index.html 200 7.0 ms",
    "http CONNECT proxy.test:443 200 70 µs",
    "tls 1.3 www.google.com h2",
    "quic notexample.com h3",
    "dhcp ack chdev 10.211.55.16 1.0 ms",
    "radius accounting bob\\x1b[31m 10.1.2.3 2.0 ms",
    "postgres alice@shop SELECT 800 µs",
]


def test_a_pipe_gets_a_line_a_record_with_everything(store):
    text = ask("flows", store).stdout
    assert len(text.splitlines()) == 2 + len(EXCHANGES) + 1
    for part in TOLD:
        assert part in text
    assert "rtt 23 ms, retransmits 31 →, out of order 2 ←" in text
    assert "rtt 10 ms" in text


@pytest.mark.parametrize("columns", [60, 80, 120, 160, 200])
def test_it_fits_the_terminal(store, columns):
    lines = ask("flows", store, columns=columns).stdout.splitlines()
    assert max(map(len, lines)) <= columns
    words = " ".join(" ".join(lines).split())
    for part in ("sns-pb.isc.org", "NXDOMAIN", "10.0.0.11:1035", "SELECT", "chdev"):
        assert part in words
    if columns >= 80:
        assert all(any(part in line for line in lines) for part in TOLD if len(part) < 38)


def test_the_network_is_shown_when_asked_for(store):
    assert "rtt" not in ask("flows", store, columns=80).stdout
    assert (
        "                 rtt 23 ms, retransmits 31 →" in ask("flows", store, "--network", columns=80).stdout
    )


@pytest.mark.parametrize("columns", [50, 100, 120])
def test_what_has_no_room_is_folded_and_not_cut(tmp_path, columns):
    """A long interface name takes no other column's last letter."""
    rows = some_rows(0, 1)
    rows["app_protocol"], rows["proto"] = 1, 17
    made = Store(place(tmp_path))
    made.open(0)
    name = "a-capture-with-a-long-name-2026-11-22.pcapng"
    made.add(1, Batch(name, 2, 1, rows, texts=put_texts(rows, [(b"long." * 30,)])))
    made.flush()
    made.close()
    lines = ask("flows", tmp_path, columns=columns).stdout.splitlines()
    assert max(map(len, lines)) <= columns
    for word in ("← bytes", "lasted"):
        assert any(word in line for line in lines[:4])
    folded = "".join("".join(lines).split())
    assert "10.0.0.0:1024" in folded.replace("00500ns", "")


def asked(store, sql):
    done = ask("query", store, sql, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_fields_are_columns(store):
    """Null where the record tells of no exchange, or of one of another protocol."""
    (dhcp,) = asked(store, "select * from flows where app_protocol = 'dhcp'")
    assert (dhcp["dhcp_your_addr"], dhcp["dhcp_server_addr"], dhcp["dhcp_lease_s"]) == (
        "10.211.55.16",
        None,
        1800,
    )
    assert (dhcp["end_reason"], dhcp["app_by"], dhcp["app_latency_us"]) == ("exchange", "port", 1000)
    assert {name for name in dhcp if name.startswith(("dns_", "tls_", "http_"))} >= {"dns_query", "tls_ja4"}
    assert all(dhcp[name] is None for name in dhcp if name.startswith(("dns_", "tls_", "http_", "radius_")))
    (tls,) = asked(store, "select tls_ja4, tls_version from flows where app_protocol = 'tls'")
    assert tls == {"tls_ja4": ja4_of("t13d1516h2_1301_0005_0403"), "tls_version": 772}


@pytest.mark.parametrize("page", ["README.md", "docs/operating.md"])
def test_queries_in_the_documents_work(store, page):
    queries = re.findall(r'flowherd query(?: --\w+)? "(.+?)"', (ROOT / page).read_text(), re.DOTALL)
    assert queries
    for sql in queries:
        asked(store, sql)
