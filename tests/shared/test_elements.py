"""The table of fields: whole, without contradictions, and in the order people were told."""

import re
from collections import Counter

import pytest

from shared import element
from shared.application_elements import APPLICATION, NUMBERS, TEXTS
from shared.elements import BASE, ELEMENTS
from shared.pages import fields
from shared.performance_elements import PERFORMANCE
from shared.reasons import AppProtocol, EndReason
from shared.record import ROW

MOST = {"u8": 0xFF, "u16": 0xFFFF, "u32": 0xFFFFFFFF, "ipv4": 0xFFFFFFFF}
# The design's words, section 4; what it writes as `dhcp_…` and `radius_…` is ours to name.
NAMES = """
interface ifindex direction start_ns end_ns ip_version src_addr dst_addr proto src_port dst_port packets bytes
rev_packets rev_bytes wire_packets rev_wire_packets tcp_flags rev_tcp_flags tos rev_tos ttl rev_ttl vlan inner_vlan
mpls_label src_mac dst_mac icmp_type icmp_code fragments rev_fragments sample_rate end_reason
retransmits rev_retransmits repeated_retransmits rev_repeated_retransmits out_of_order rev_out_of_order seq_gaps
rev_seq_gaps zero_windows rev_zero_windows receive_window rev_receive_window client_latency_us server_latency_us
rtt_min_us rtt_mean_us rtt_max_us rev_rtt_min_us rev_rtt_mean_us rev_rtt_max_us fpex_latency_us app_latency_us mss
connection_id app_protocol app_by dns_query dns_query_type dns_rcode dns_answers http_method http_url http_host
http_status http_user_agent http_referer tls_server_name tls_version tls_cipher tls_alpn tls_ja4 postgres_user
postgres_database postgres_command
"""


def test_the_contract_is_kept():
    ours = {one.name for one in ELEMENTS if not one.name.startswith(("dhcp_", "radius_"))}
    assert ours == {*NAMES.split(), "rev_mss", "first_speaker"}


def test_names_are_unique():
    assert {name: seen for name, seen in Counter(one.name for one in ELEMENTS).items() if seen > 1} == {}


@pytest.mark.parametrize("one", ELEMENTS, ids=lambda one: one.name)
def test_an_element_is_whole(one):
    """A sentence, a type everywhere, and null where it can be told from a value."""
    assert len(one.about) > 5
    assert one.about[-1] != "."
    assert one.sql
    assert one.kind in element.CLICKHOUSE
    assert (one.scope == "application") == bool(one.protocols) == bool(one.cell)
    assert one.name.startswith("rev_") == one.reverse
    if one.absent is None:
        return
    assert one.clickhouse.startswith(("Nullable(", "LowCardinality(")) or one.kind == "mac"
    if one.scope == "row" and one.kind in MOST:
        assert one.absent in (0, MOST[one.kind])


def test_applications_have_cells_to_themselves():
    """Texts in text cells, numbers in number cells, none twice in the records of one protocol."""
    for protocol in AppProtocol:
        theirs = [one for one in APPLICATION if protocol in one.protocols]
        assert theirs, protocol
        assert max(Counter(one.cell for one in theirs).values()) == 1
        for one in theirs:
            assert one.cell in (TEXTS if one.kind in ("text", "ja4") else NUMBERS)


def test_every_column_of_a_row_is_told():
    of_rows = {one.name for one in ELEMENTS if one.scope == "row" and one.kind != "address"}
    ends = {f"{end}_addr_{half}" for end in ("src", "dst") for half in ("head", "tail")}
    assert set(ROW.names) == of_rows | ends | {"text_at", *TEXTS, *NUMBERS}


def test_sources_are_documents():
    """An RFC with its section, or whatever else can be looked up."""
    for one in ELEMENTS:
        assert not one.source or re.search(r"RFC \d+|IEEE|FoxIO|PostgreSQL", one.source), one.name


def test_the_page_has_every_field_and_every_group():
    page = fields()
    for one in ELEMENTS:
        assert f"`{one.name}`" in page
    for protocol in AppProtocol:
        assert re.search(f"^### .*`{protocol.name.lower()}`", page, re.MULTILINE)
    assert [page.index(f"| `{group[0].name}`") for group in (BASE, PERFORMANCE, APPLICATION)] == sorted(
        page.index(f"| `{group[0].name}`") for group in (BASE, PERFORMANCE, APPLICATION)
    )


def test_every_reason_is_explained():
    """The page says which words end_reason and app_protocol can be."""
    told = {one.name: one.about for one in ELEMENTS}
    assert all(reason.name.lower() in told["end_reason"] for reason in EndReason)
    assert all(protocol.name.lower() in told["app_protocol"] for protocol in AppProtocol)
