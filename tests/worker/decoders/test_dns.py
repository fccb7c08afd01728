"""DNS messages: built by scapy and by hand, kprobe's fixtures, real captures as tshark reads them, and any bytes."""

import ipaddress
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRMX, DNSRROPT, DNSRRSOA

from tests.worker.decoders.captured import messages, payloads, text
from tests.worker.decoders.rig import promised, read
from worker.decoders.cells import TEXT_MOST
from worker.decoders.dns import NOT_DNS, QUERY, RESPONSE, read_dns
from worker.decoders.dns_name import POINTERS_MOST

UNREADABLE = "<Unknown extended label>"  # tshark, of a name
WRITTEN = {1: "A", 2: "NS", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"}
IN_CAPTURES = {  # how many messages tshark finds in them
    "kprobe/google.com-any.pcap": 6,
    "kprobe/sns-pb.isc.org-dnssec.pcap": 2,
    "mercury/emix.pcap": 136,
    "ndpi/1kxun.pcap": 17,
    "ndpi/6in4tunnel.pcap": 4,
    "ndpi/alexa-app.pcapng": 62,
    "ndpi/fuzz-2006-06-26-2594.pcap": 221,
    "ndpi/ocs.pcap": 8,
    "ndpi/teams.pcap": 45,
    "ndpi/vxlan.pcap": 8,
    "pcapplusplus/example.pcap": 138,
    "pcapplusplus/many-protocols.pcap": 252,
    "pcapplusplus/many_interfaces-1.pcapng": 14,
    "pcapplusplus/raw_ip.pcap": 6,
    "pcapplusplus/sll.pcap": 20,
    "suricata-verify/tls-subjectaltname.pcap": 74,
    "suricata-verify/vxlan-decoder-03.pcap": 16,
}


def target(data):
    """What holds for any bytes."""
    seen = promised(read_dns, data)
    result, numbers, texts, x = seen
    assert result in {NOT_DNS, QUERY, RESPONSE}
    if result == NOT_DNS:
        return
    assert x.ident == int.from_bytes(data[:2], "big")
    assert (result == RESPONSE) == (data[2] >= 0x80) == (numbers[1] is not None)
    assert x.kind == data[2] >> 3 & 15
    assert (numbers[0] is None) == (texts[0] is None) == (data[4:6] == b"\0\0")
    assert all(char >= 0x20 and char != 0x7F for cell in texts if cell for char in cell)
    whole = read(read_dns, data + b"\0", plain=True)
    assert (whole.result, whole.numbers, whole.texts[0]) == (result, numbers, texts[0])


def header(ident=7, flags=0x8180, counts=(1, 0, 0, 0)):
    return struct.pack(">6H", ident, flags, *counts)


def question(name=b"\1a\0", kind=1):
    return name + struct.pack(">HH", kind, 1)


def record(kind, data, name=b"\xc0\x0c"):
    return name + struct.pack(">HHIH", kind, 1, 300, len(data)) + data


def answered(*records, name=b"\1a\0"):
    return header(counts=(1, len(records), 0, 0)) + question(name) + b"".join(records)


def wire(*labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def texts_of(octets):
    return read(read_dns, octets).texts[:2]


class TestBuiltByScapy:
    def test_query(self):
        seen = promised(read_dns, bytes(DNS(id=513, rd=1, qd=DNSQR(qname="Www.Example.com", qtype="AAAA"))))
        assert (seen.result, seen.x.ident, seen.x.kind) == (QUERY, 513, 0)
        assert seen.numbers[:2] == [28, None]
        assert seen.texts[:2] == [b"Www.Example.com", None]

    def test_response(self):
        answers = [
            DNSRR(rrname="a.test", type="CNAME", rdata="b.test"),
            DNSRR(rrname="b.test", type="A", rdata="192.0.2.7"),
            DNSRR(rrname="b.test", type="AAAA", rdata="2001:db8::1"),
            DNSRRSOA(rrname="b.test", mname="ns.test", rname="root.test"),
            DNSRRMX(rrname="b.test", preference=10, exchange="mail.b.test"),
            DNSRR(rrname="b.test", type="NS", rdata="ns.test"),
            DNSRR(rrname="b.test", type="PTR", rdata="c.test"),
            DNSRR(rrname="b.test", type="TXT", rdata=[b"one ", b"two"]),
            DNSRR(rrname="b.test", type=99, rdata=b"\4what"),
        ]
        built = DNS(id=7, qr=1, qd=DNSQR(qname="a.test"), an=answers, ar=[DNSRROPT()])
        expected = (
            b"b.test/CNAME;192.0.2.7/A;2001:db8::1/AAAA;;mail.b.test/MX;ns.test/NS;c.test/PTR;one two/TXT;"
        )
        for octets in (bytes(built), bytes(built.compress())):
            seen = promised(read_dns, octets)
            assert (seen.result, seen.numbers[:2]) == (RESPONSE, [1, 0])
            assert seen.texts[:2] == [b"a.test", expected]

    def test_error_without_answers(self):
        seen = promised(read_dns, bytes(DNS(id=7, qr=1, rcode=3, qd=DNSQR(qname="no.test"))))
        assert (seen.result, seen.numbers[:2], seen.texts[:2]) == (RESPONSE, [1, 3], [b"no.test", None])

    def test_last_of_many_questions(self):
        asked = [DNSQR(qname=f"{n}.test", qtype=n) for n in range(1, 21)]
        seen = promised(read_dns, bytes(DNS(qd=asked)))
        assert (seen.result, seen.numbers[0], seen.texts[0]) == (QUERY, 20, b"20.test")

    @pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6, 15])
    def test_other_operations(self, opcode):
        built = DNS(qr=1, opcode=opcode, rcode=5, qd=DNSQR(qname="zone.test", qtype="SOA"))
        seen = promised(read_dns, bytes(built))
        assert (seen.result, seen.x.kind, seen.numbers[:2]) == (RESPONSE, opcode, [6, 5])
        assert seen.texts[0] == b"zone.test"

    def test_truncated(self):
        seen = promised(read_dns, bytes(DNS(qr=1, tc=1, qd=DNSQR(qname="big.test"), ancount=9)))
        assert (seen.result, seen.texts[:2]) == (RESPONSE, [b"big.test", b""])


class TestNames:
    def test_root(self):
        assert texts_of(answered(record(15, b"\0\0\0"), name=b"\0")) == [b"<Root>", b"/MX"]

    @pytest.mark.parametrize(
        ("label", "expected"),
        [
            (b"a.b", b"a.b"),
            (b"a\\b", b"a\\b"),
            (b"a b\"'<;", b"a b\"'<;"),
            ("käse".encode(), "käse".encode()),
            (b"\0\x01\x7f\xff", b"\\000\\001\\177\xff"),
            (b"\t\n\r\x1b", b"\\t\\n\\r\\033"),
        ],
    )
    def test_odd_octets_are_printed_as_tshark_does(self, label, expected):
        assert texts_of(header(flags=0) + question(wire(label, b"test")))[0] == expected + b".test"

    def test_longest(self):
        labels = [b"x" * 63] * 3 + [b"y" * 61]
        assert texts_of(header() + question(wire(*labels)))[0] == b".".join(labels)
        assert read(read_dns, header() + question(wire(*labels[:3], b"y" * 62))).result == NOT_DNS

    def test_pointers_are_followed_to_a_limit(self):
        hops = POINTERS_MOST - 1  # besides the first
        first = 12 + len(question()) + len(record(5, b"\1b\0\0")) + len(record(1, bytes(4)))
        for count, expected in ((hops, b"b.a/CNAME;0.0.0.0/A"), (hops + 1, b"")):
            tail = b"".join(struct.pack(">H", 0xC000 | first + 2 * step + 2) for step in range(count - 1))
            start = record(5, b"\1b" + struct.pack(">H", 0xC000 | first))
            octets = answered(start, record(1, bytes(4))) + tail + b"\xc0\x0c"
            assert texts_of(octets) == [b"a", expected], count

    @pytest.mark.parametrize(
        "name",
        [
            b"\xc0\x0c",  # to itself
            b"\1a\xc0\x0c",  # round and round
            b"\xc0\x0e\xc0\x0c",
            b"\xff\xff",  # far outside
            b"\x40a\0",  # label types nobody uses (RFC 6891 section 5)
            b"\x80a\0",
            b"\x3fa\0",
        ],
    )
    def test_unreadable_question(self, name):
        assert promised(read_dns, header(flags=0) + question(name)).result == NOT_DNS

    def test_pointer_into_what_comes_later(self):
        octets = header(flags=0) + question(b"\1a\xc0" + bytes([12 + 8])) + b"\1b\0"
        assert texts_of(octets)[0] == b"a.b"


class TestWithoutQuestion:
    @pytest.mark.parametrize(
        ("octets", "result"),
        [
            (header(flags=0x8181, counts=(0, 0, 0, 0)), RESPONSE),  # format error
            (header(flags=0x8180, counts=(0, 0, 0, 0)), NOT_DNS),
            (header(flags=0x0000, counts=(0, 0, 0, 0)), NOT_DNS),
            (header(flags=0x3000, counts=(0, 0, 0, 0)), QUERY),  # stateful: keep-alive
            (header(flags=0x0000, counts=(0, 0, 0, 1)) + record(41, b"", b"\0"), QUERY),  # asks for a cookie
            (header(flags=0x0000, counts=(0, 0, 0, 1)), NOT_DNS),
            (header(flags=0x8180, counts=(0, 1, 0, 0)) + record(1, bytes(4), b"\1a\0"), RESPONSE),
            (header(flags=0x8180, counts=(0, 1, 0, 0)) + b"\1a\0", NOT_DNS),
        ],
    )
    def test_sense(self, octets, result):
        seen = promised(read_dns, octets)
        assert seen.result == result
        if result != NOT_DNS:
            assert (seen.texts[0], seen.numbers[0]) == (None, None)

    def test_answers_of_a_transfer(self):
        octets = header(flags=0x8400, counts=(0, 2, 0, 0)) + 2 * record(1, b"\x0a\0\0\1", b"\1a\0")
        assert texts_of(octets) == [None, b"10.0.0.1/A;10.0.0.1/A"]


class TestAnswers:
    @pytest.mark.parametrize(
        ("records", "expected"),
        [
            ([record(1, b"\1\2\3")], b""),  # wrong length
            ([record(28, bytes(4)), record(1, b"\1\2\3\4")], b";1.2.3.4/A"),
            ([record(16, b"")], b"/TXT"),
            ([record(16, b"\0\2ab\0\1c")], b"abc/TXT"),
            ([record(1, b"\1\2\3\4"), record(16, b"\5ab"), record(1, bytes(4))], b"1.2.3.4/A"),
            ([record(5, b"\xc0\xff"), record(1, bytes(4))], b""),
            ([record(15, b"\0"), record(1, bytes(4))], b""),
            ([record(15, b"\0\5"), record(1, bytes(4))], b""),
            ([record(5, b"\1b\0", name=b"\x40a"), record(1, bytes(4))], b""),
            ([record(16, b"\3a\0b")], b"a\\000b/TXT"),
        ],
    )
    def test_odd_records(self, records, expected):
        assert promised(read_dns, answered(*records)).texts[1] == expected

    def test_no_more_than_a_text_holds(self):
        whole = [record(1, b"\x0a\0\0\1")] * 1000
        text = texts_of(answered(*whole))[1]
        assert TEXT_MOST - 12 < len(text) <= TEXT_MOST
        assert set(text.split(b";")) == {b"10.0.0.1/A"}

    def test_one_text_that_is_too_long(self):
        huge = record(16, (b"\xff" + b"t" * 255) * 100)
        assert texts_of(answered(huge, huge))[1] == b"t" * TEXT_MOST

    def test_cut_by_the_capture(self):
        octets = answered(*(record(1, bytes([10, 0, 0, n])) for n in range(3)))
        asked = len(header() + question())
        for size in range(len(octets) + 1):
            seen = promised(read_dns, octets[:size])
            assert seen.result == (RESPONSE if size >= asked else NOT_DNS)
            if size >= asked:
                whole = (size - asked) // 16
                expected = b";".join(b"10.0.0.%d/A" % n for n in range(whole))
                assert (seen.texts[:2], seen.numbers[1]) == ([b"a", expected], 0)


class TestNotDns:
    @pytest.mark.parametrize(
        "octets",
        [
            b"",
            b"\0" * 11,
            b"\0" * 512,
            b"\xff" * 512,
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(range(32)),
            b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
            header(counts=(2000, 0, 0, 0)) + question() * 100,
            header(counts=(1, 6000, 0, 0)) + question(),
        ],
    )
    def test_refused(self, octets):
        assert promised(read_dns, octets).result == NOT_DNS


class TestFixturesOfKprobe:
    def test_any(self, captures):
        query, response, *_ = payloads(captures / "kprobe/google.com-any.pcap")
        assert read(read_dns, query).numbers[:2] == [255, None]
        seen = read(read_dns, response)
        items = seen.texts[1].decode().split(";")
        assert (seen.numbers[:2], seen.texts[0], len(items)) == ([255, 0], b"google.com", 15)
        assert items[:5] == [
            *("172.217.26.14/A", "2404:6800:4004:809::200e/AAAA", "alt2.aspmx.l.google.com/MX"),
            *("ns2.google.com/NS", ""),
        ]
        assert items[10:13] == ["v=spf1 include:_spf.google.com ~all/TXT", "", "ns1.google.com/NS"]

    def test_small(self, captures):
        query, response = payloads(captures / "kprobe/sns-pb.isc.org.pcap")
        assert len(query) == 32
        assert texts_of(query) == [b"sns-pb.isc.org", None]
        assert texts_of(response) == [b"sns-pb.isc.org", b"192.5.4.1/A"]


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_CAPTURES)
def test_captures_as_tshark_reads_them(captures, name):
    fields = ("dns.flags.response", "dns.flags.opcode", "dns.flags.rcode", "dns.qry.name", "dns.qry.type")
    fields += ("dns.count.queries", "dns.a", "dns.aaaa", "dns.cname")
    found = messages(captures / name, "dns && udp && !mdns && !llmnr", *fields)
    assert len(found) >= IN_CAPTURES[name]
    for octets, said in found:
        if said["dns.count.queries"] not in (["1"], []) or said["dns.qry.name"] == [UNREADABLE]:
            continue  # damaged on purpose
        seen = promised(read_dns, octets)
        assert (seen.result == RESPONSE) == (said["dns.flags.response"] == ["1"])
        assert str(seen.x.kind) == said["dns.flags.opcode"][0]
        assert said["dns.flags.rcode"] == ([] if seen.result == QUERY else [str(seen.numbers[1])])
        if said["dns.qry.name"]:
            assert [text(seen.texts[0])] == said["dns.qry.name"]
            assert [str(seen.numbers[0])] == said["dns.qry.type"]
        values = [item.rpartition("/")[::2] for item in text(seen.texts[1] or b"").split(";") if item]
        for kind, field in (("A", "dns.a"), ("AAAA", "dns.aaaa"), ("CNAME", "dns.cname")):
            ours = [value or "<Root>" for value, written in values if written == kind]
            assert ours == said[field][: len(ours)]


LABELS = st.lists(st.binary(min_size=1, max_size=8).filter(lambda label: min(label) > 0x20), max_size=4)
IPV6 = st.binary(min_size=12, max_size=12).map(lambda tail: b"\x20\x01\x0d\xb8" + tail)
ANSWERS = st.lists(
    st.one_of(
        st.tuples(st.just(1), st.binary(min_size=4, max_size=4)),
        st.tuples(st.just(28), IPV6),
        st.tuples(st.sampled_from([2, 5, 12, 15]), LABELS),
        st.tuples(
            st.just(16), st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9))
        ),
        st.tuples(st.sampled_from([6, 33, 257]), st.binary(max_size=9)),
    ),
    max_size=6,
)


class Message:
    """A message written label by label, each suffix again only as a pointer when `compress`."""

    def __init__(self, name, answers, compress):
        self.octets, self._places, self._compress = b"", {}, compress
        self.octets = header(counts=(1, len(answers), 0, 0))
        self._name(name)
        self.octets += struct.pack(">HH", 1, 1)
        self.expected = ";".join([self._record(name, kind, value) for kind, value in answers])

    def _name(self, labels):
        for place in range(len(labels)):
            rest = tuple(labels[place:])
            if self._compress and rest in self._places:
                self.octets += struct.pack(">H", 0xC000 | self._places[rest])
                return
            self._places[rest] = len(self.octets)
            self.octets += bytes([len(labels[place])]) + labels[place]
        self.octets += b"\0"

    def _record(self, name, kind, value):
        self._name(name)
        self.octets += struct.pack(">HHI", kind, 1, 60)
        at = len(self.octets)
        self.octets += b"\0\0" + (b"\0\5" if kind == 15 else b"")
        if kind in {2, 5, 12, 15}:
            self._name(value)
            said = b".".join(value).decode(errors="backslashreplace").replace("\x7f", "\\177")
        elif kind == 16:
            self.octets += b"".join(bytes([len(chunk)]) + chunk.encode() for chunk in value)
            said = "".join(value)
        else:
            self.octets += value
            said = str(ipaddress.ip_address(value)) if kind in {1, 28} else ""
        self.octets = self.octets[:at] + struct.pack(">H", len(self.octets) - at - 2) + self.octets[at + 2 :]
        return f"{said}/{WRITTEN[kind]}" if kind in WRITTEN else ""


@given(LABELS, ANSWERS, st.booleans())
def test_what_was_written_is_read(name, answers, compress):
    message = Message(name, answers, compress)
    seen = promised(read_dns, message.octets)
    assert seen.result == RESPONSE
    assert seen.texts[0].replace(b"\\177", b"\x7f") == (b".".join(name) or b"<Root>")
    said = seen.texts[1].decode(errors="backslashreplace") if answers else ""
    assert said == message.expected


@given(st.binary(max_size=200))
@example(b"")
def test_any_bytes(data):
    target(data)


@given(LABELS, ANSWERS, st.booleans(), st.data())
def test_damaged(name, answers, compress, data):
    octets = bytearray(Message(name, answers, compress).octets)
    for _ in range(data.draw(st.integers(0, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    target(bytes(octets[: data.draw(st.integers(0, len(octets)))]))
