"""DHCP messages: built by scapy and by hand, kprobe's fixture, real captures as tshark reads them, and any bytes."""

import ipaddress
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP

from tests.worker.decoders.captured import messages, payloads, text
from tests.worker.decoders.rig import promised, read
from worker.decoders.dhcp import NOT_DHCP, REPLY, REQUEST, read_dhcp

MAC = bytes.fromhex("02005e005301")
IN_CAPTURES = {  # how many messages tshark finds in them
    "kprobe/dhcpv4.pcap": 2,
    "mercury/emix.pcap": 2,
    "ndpi/1kxun.pcap": 24,
    "ndpi/alexa-app.pcapng": 3,
    "ndpi/fuzz-2006-06-26-2594.pcap": 1,
    "ndpi/gnutella.pcap": 2,
    "ndpi/teams.pcap": 7,
    "pcapplusplus/raw_ip.pcap": 2,
    "pcapplusplus/sll.pcap": 1,
}


def target(data):
    """What holds for any bytes."""
    result, numbers, texts, x = promised(read_dhcp, data)
    assert result in {NOT_DHCP, REQUEST, REPLY}
    if result == NOT_DHCP:
        return
    assert data[236:240] == bytes.fromhex("63825363")
    assert numbers[0] == result == data[0]
    assert x.ident & 0xFFFFFFFF == int.from_bytes(data[4:8], "big")
    assert 0 <= x.ident < 2**63
    assert None not in numbers[2:5]  # 0 where there is none
    assert (texts[0] is None) == (data[2] != 6)
    assert all(char >= 0x20 and char != 0x7F for cell in texts if cell for char in cell)


def message(*options, op=1, hlen=6, file=b"", server_name=b""):
    """A message of these options: (code, value), or octets as they are."""
    head = struct.pack(">BBBBIHH", op, 1, hlen, 0, 0xBC3B9344, 0, 0) + bytes(16) + MAC.ljust(16, b"\0")
    packed = [o if isinstance(o, bytes) else bytes([o[0], len(o[1])]) + o[1] for o in options]
    return (
        head + server_name.ljust(64, b"\0") + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + b"".join(packed)
    )


def number_of(address):
    return int(ipaddress.IPv4Address(address))


class TestBuiltByScapy:
    def test_request(self):
        options = [("message-type", "request"), ("hostname", b"chdev"), ("domain", b"example.test"), "end"]
        head = BOOTP(op=1, xid=77, chaddr=MAC, ciaddr="192.0.2.9", flags="B")
        seen = promised(read_dhcp, bytes(head / DHCP(options=options)))
        assert (seen.result, seen.x.ident & 0xFFFFFFFF) == (REQUEST, 77)
        assert seen.numbers == [1, 3, number_of("192.0.2.9"), 0, 0, None]
        assert seen.texts[:3] == [b"02:00:5e:00:53:01", b"chdev", b"example.test"]

    def test_acknowledgement(self):
        options = [("message-type", "ack"), ("lease_time", 1800), ("router", "192.0.2.1"), "end", "pad"]
        head = BOOTP(op=2, xid=77, chaddr=MAC, yiaddr="192.0.2.16", siaddr="192.0.2.1")
        seen = promised(read_dhcp, bytes(head / DHCP(options=options)))
        assert seen.result == REPLY
        assert seen.numbers == [2, 5, 0, number_of("192.0.2.16"), number_of("192.0.2.1"), 1800]
        assert seen.texts[:3] == [b"02:00:5e:00:53:01", None, None]


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "number", "lease"),
        [
            ([(53, b"\1"), (51, b"\0\0\0\x0a")], 1, 10),
            ([b"\0\0\0", (53, b"\1"), b"\0", (51, b"\0\0\0\x0a"), b"\xff", (53, b"\2")], 1, 10),
            ([b"\xff", (53, b"\1")], None, None),
            ([(53, b"\1\2"), (51, b"\0\x0a")], None, None),  # of another length
            ([(53, b""), (51, b"")], None, None),
            ([(53, b"\1"), (51, b"\xff\xff\xff\xff")], 1, 2**32 - 2),  # without end
            ([(53, b"\1"), b"\x33\x04\0\0"], 1, None),  # cut
            ([(53, b"\1"), b"\x33"], 1, None),
            ([], None, None),
        ],
    )
    def test_numbers(self, options, number, lease):
        seen = promised(read_dhcp, message(*options))
        assert seen.result == REQUEST
        assert (seen.numbers[1], seen.numbers[5]) == (number, lease)

    @pytest.mark.parametrize(
        ("options", "host", "domain"),
        [
            ([(15, b"example.test"), (12, b"chdev")], b"chdev", b"example.test"),
            ([(12, b"chdev\0\0"), (15, b"\0")], b"chdev", b""),
            ([(12, b"a\0\tb"), (15, "käse".encode())], b"a\\000\\tb", "käse".encode()),
            ([(12, b"x" * 255)], b"x" * 255, None),
        ],
    )
    def test_texts(self, options, host, domain):
        assert promised(read_dhcp, message(*options)).texts[1:3] == [host, domain]

    @pytest.mark.parametrize(
        ("overload", "host", "domain"),
        [
            (b"", None, None),
            (b"\1", b"filed", None),
            (b"\2", b"named", b"server.test"),
            (b"\3", b"filed", b"server.test"),
            (b"\1\1", None, None),
        ],
    )
    def test_overload(self, overload, host, domain):
        options = [(52, overload)] if overload else []
        octets = message(*options, file=b"\x0c\5filed\xff", server_name=b"\x0c\5named\x0f\x0bserver.test\xff")
        assert promised(read_dhcp, octets).texts[1:3] == [host, domain]

    def test_options_proper_go_before_overloaded_ones(self):
        octets = message((12, b"proper"), (52, b"\3"), file=b"\x0c\5filed\xff")
        assert promised(read_dhcp, octets).texts[1] == b"proper"

    def test_overloaded_options_end_with_their_field(self):
        octets = message((52, b"\3"), file=b"\0" * 125 + b"\x0c\5x", server_name=b"\0" * 61 + b"\x0c\5x")
        assert promised(read_dhcp, octets).texts[1] is None

    @pytest.mark.parametrize("hlen", [0, 5, 7, 16, 17, 255])
    def test_other_link_addresses(self, hlen):
        assert promised(read_dhcp, message((12, b"a"), hlen=hlen)).texts[:2] == [None, b"a"]


class TestNotDhcp:
    @pytest.mark.parametrize(
        "octets",
        [b"", message()[:239], message()[:236] + b"\0" * 4, message(op=0), message(op=3), b"\1" * 300],
    )
    def test_refused(self, octets):
        assert promised(read_dhcp, octets).result == NOT_DHCP


def test_clients_are_told_apart():
    other = message()[:33] + b"\x02" + message()[34:]
    assert read(read_dhcp, message()).x.ident != read(read_dhcp, other).x.ident
    assert read(read_dhcp, message()).x.ident == read(read_dhcp, message(op=2)).x.ident


def test_fixture_of_kprobe(captures):
    request, reply = (read(read_dhcp, octets) for octets in payloads(captures / "kprobe/dhcpv4.pcap"))
    assert request.numbers == [1, 3, 0, 0, 0, None]
    assert request.texts[:3] == [b"00:1c:42:60:bb:37", b"chdev", None]
    assert reply.numbers == [2, 5, 0, number_of("10.211.55.16"), number_of("10.211.55.1"), 1800]
    assert reply.texts[:3] == [b"00:1c:42:60:bb:37", b"chdev", b"localdomain"]
    assert request.x.ident == reply.x.ident


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_CAPTURES)
def test_captures_as_tshark_reads_them(captures, name):
    fields = ("dhcp.type", "dhcp.option.dhcp", "dhcp.hw.mac_addr", "dhcp.option.hostname", "dhcp.ip.your")
    fields += ("dhcp.option.domain_name", "dhcp.option.ip_address_lease_time", "dhcp.id", "dhcp.ip.client")
    found = messages(captures / name, "dhcp", *fields)
    assert len(found) >= IN_CAPTURES[name]
    for octets, said in found:
        seen = promised(read_dhcp, octets)
        assert [str(seen.result)] == said["dhcp.type"] == [str(seen.numbers[0])]
        assert seen.x.ident & 0xFFFFFFFF == int(said["dhcp.id"][0], 16)
        assert text(seen.texts[0]) == said["dhcp.hw.mac_addr"][0]
        pairs = [
            (seen.numbers[1], "dhcp.option.dhcp"),
            (seen.numbers[5], "dhcp.option.ip_address_lease_time"),
        ]
        pairs += [(seen.texts[1] and text(seen.texts[1]), "dhcp.option.hostname")]
        pairs += [(seen.texts[2] and text(seen.texts[2]), "dhcp.option.domain_name")]
        for ours, field in pairs:
            assert ([] if ours is None else [str(ours)]) == said[field]
        for ours, field in ((seen.numbers[2], "dhcp.ip.client"), (seen.numbers[3], "dhcp.ip.your")):
            assert ours or number_of(said[field][0]) == 0


OPTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([12, 15, 51, 52, 53, 55, 61]), st.binary(max_size=8)),
        st.sampled_from([b"\0", b"\xff", b"\x0c", b"\x33\x04\0"]),
    ),
    max_size=8,
)


@given(OPTIONS, st.integers(1, 2), st.integers(0, 255), st.binary(max_size=128), st.integers(0, 300))
def test_any_options(options, op, hlen, file, size):
    target(message(*options, op=op, hlen=hlen, file=file, server_name=file[:64])[: size + 200])


@given(st.binary(max_size=320))
@example(b"")
def test_any_bytes(data):
    target(data)
