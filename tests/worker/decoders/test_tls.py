"""Hellos of TLS: built octet by octet, cut and split everywhere, and any bytes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.ja4 import ja4_of
from tests.worker.decoders.captured import text
from tests.worker.decoders.hellos import (
    CIPHERS,
    CLIENT,
    algorithms,
    alpn,
    chrome,
    client_hello,
    name,
    raw_ja4,
    record,
    records,
    server_hello,
    sized,
    versions,
    words,
)
from tests.worker.decoders.rig import ask, promised, read
from tests.worker.decoders.tls_promises import target
from worker.decoders.client_hello import NAME_MOST
from worker.decoders.ja4 import LIST_MOST
from worker.decoders.tls import (
    HELLO_MOST,
    MORE,
    NOT,
    SERVER_HELLO,
    looks_like_tls,
    read_client_hello,
    read_hello_message,
    read_server_hello,
)

WARNING = record(b"\x01\x70", kind=21)  # of a name the server does not know


def client(octets, cut=False):
    return promised(read_client_hello, octets, cut)


def server(octets, cut=False):
    return promised(read_server_hello, octets, cut)


def ja4_r(message):
    raw = client(records(message)).texts[2]
    assert promised(read_hello_message, message).texts[2] == (None if raw is None else b"q" + raw[1:])
    return None if raw is None else raw.decode()


class TestClient:
    def test_worked_example(self):
        octets = records(chrome())
        seen = client(octets)
        assert (seen.result, seen.x.kind, seen.numbers) == (len(octets), CLIENT, [None] * 6)
        assert seen.texts[:2] == [b"www.example.com", b"h2,http/1.1"]
        assert ja4_of(text(seen.texts[2])) == "t13d1516h2_8daaf6152771_e5627efa2ab1"

    def test_without_records(self):
        seen = promised(read_hello_message, chrome() + b"\xff")
        assert (seen.result, seen.texts[:2]) == (len(chrome()), [b"www.example.com", b"h2,http/1.1"])
        assert ja4_of(text(seen.texts[2])) == "q13d1516h2_8daaf6152771_e5627efa2ab1"

    def test_every_prefix_wants_more(self):
        message = chrome()
        for octets in (records(message), records(message, 3, 4, 200)):
            assert {client(octets[:size]).result for size in range(len(octets))} == {MORE}
        assert {read(read_hello_message, message[:size]).result for size in range(len(message))} == {MORE}

    def test_split_anywhere(self):
        message = chrome()
        expected = client(records(message))
        for cut in range(1, len(message)):
            seen = client(records(message, cut))
            assert (seen.result, seen.texts) == (expected.result + 5, expected.texts)
        every = records(message, *range(1, len(message)))
        assert client(every)[:3] == (len(every), expected.numbers, expected.texts)

    def test_what_follows_is_left(self):
        octets = records(chrome())
        for rest in (record(b"\1", kind=20, version=0x0303), b"\xff\xff", octets):
            assert client(octets + rest).result == len(octets)
        longer = record(chrome() + b"\x10\0\0\0")  # two messages in one record
        assert client(longer).result == len(octets)

    def test_oldest(self):
        octets = records(client_hello(None, version=0x0300, session=b""), version=0x0300)
        assert client(octets).texts[:3] == [
            None,
            None,
            f"ts3i150000_{','.join(f'{c:04x}' for c in sorted(CIPHERS))}_".encode(),
        ]

    def test_longest(self):
        padding = (21, bytes(HELLO_MOST - len(client_hello(name(b"long.test"))) - 4))
        message = client_hello(padding, name(b"long.test"))
        assert len(message) == HELLO_MOST
        for octets in (record(message), records(message, 4000), records(message, 1, 2)):
            assert client(octets).texts[0] == b"long.test"
        longer = client_hello(name(b"long.test"), (21, padding[1] + b"\0"))
        assert client(record(longer)).texts[0] == b"long.test"
        assert client(records(longer, 4000)).result == MORE
        assert client(records(longer, 4000), cut=True).texts[:3] == [b"long.test", None, None]

    @pytest.mark.parametrize(
        "octets",
        [
            b"\x15\x03\x01\x00\x02\x02\x28",  # an alert
            b"\x17\x03\x03\x00\x20" + bytes(32),
            b"\x80\x2e\x01\x03\x01",  # SSL 2.0 shape
            b"GET / HTTP/1.1\r\n",
            b"\x16\x02\x00",
            b"\x16\x03\x05",
            b"\x16\xfe\xff",  # DTLS
            b"\x16\x03\x01\x00\x00",  # an empty fragment
            b"\x16\x03\x01\x40\x01\x01",
            b"\x16\x03\x01\x00\xc0\x02",  # a server's
            b"\x16\x03\x01\x00\xc0\x01\x02\x00\x01",  # longer than any
            record(b"\1\0\0\4" + b"\3\3") + b"\x17\3\3",
            record(sized(b"\1" + sized(b"\3\3" + bytes(30), 3))[2:]),  # too short
            record(client_hello(session=bytes(33))),
            record(client_hello(version=0x0203)),
            record(b"\1" + sized(words(0x0303) + bytes(32) + b"\0\0\3\x13\x01\x13\1\0", 3)),  # half a cipher
        ],
    )
    def test_something_else(self, octets):
        assert client(octets).result == NOT
        assert client(octets, cut=True).result == NOT

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (sized(b"\0" + sized(b"a.test")), b"a.test"),
            (sized(b"\1" + sized(b"other") + b"\0" + sized(b"b.test")), b"b.test"),
            (sized(b"\0" + sized(b"a.test") + b"\0" + sized(b"b.test")), b"a.test"),
            (sized(b"\0" + sized(b"x" * 3000)), b"x" * NAME_MOST),
            (sized(b"\0" + sized(b"\0a\xff")), b"\\000a\xff"),
            (b"", None),
            (b"\0", None),
            (sized(b"\0" + sized(b"")), None),
            (sized(b"\0\0\x20short"), None),
        ],
    )
    def test_server_name(self, body, expected):
        assert client(records(client_hello((5, b"\1"), (0, body)))).texts[0] == expected

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (alpn(b"h2")[1], b"h2"),
            (alpn(b"h2", b"spdy/3.1", b"http/1.1")[1], b"h2,spdy/3.1,http/1.1"),
            (alpn(*[b"y" * 255] * 9)[1], (b",".join([b"y" * 255] * 9))[:NAME_MOST]),
            (alpn(b"\n\xfe")[1], b"\\n\xfe"),
            (alpn(b"h2")[1] + b"\x09h", b"h2"),
            (sized(b""), None),
            (b"", None),
            (b"\0", None),
        ],
    )
    def test_protocols(self, body, expected):
        assert client(records(client_hello((16, body)))).texts[1] == expected

    def test_extension_that_runs_over(self):
        message = client_hello(name(b"a.test"), (21, b""))[:-2] + words(9)
        assert client(records(message)).texts[:3] == [b"a.test", None, None]


class TestCut:
    def test_what_is_readable(self):
        octets = records(client_hello(name(b"a.test"), alpn(b"h2"), (21, bytes(50))))
        found = [client(octets[:size], cut=True) for size in range(len(octets))]
        assert [seen.result for seen in found] == [NOT] * 6 + list(range(6, len(octets)))
        known = [tuple(seen.texts[:3]) for seen in found]
        assert list(dict.fromkeys(known)) == [
            (None, None, None),
            (b"a.test", None, None),
            (b"a.test", b"h2", None),
        ]
        assert known.index((b"a.test", None, None)) == octets.index(b"a.test") + 6

    def test_of_a_server(self):
        octets = records(server_hello((0, b""), versions_chosen(0x0304), cipher=0x1301, session=bytes(32)))
        found = [server(octets[:size], cut=True).numbers[:2] for size in range(6, len(octets))]
        assert list(map(list, dict.fromkeys(map(tuple, found)))) == [[None, None], [None, 0x1301]]
        assert server(octets).numbers[:2] == [0x0304, 0x1301]
        old = records(server_hello(version=0x0301))
        assert server(old[:-1], cut=True).numbers[:2] == [0x0301, 0xC02F]


def versions_chosen(version):
    return 43, words(version)


class TestServer:
    @pytest.mark.parametrize(
        ("message", "numbers", "protocol"),
        [
            (server_hello(), [0x0303, 0xC02F], None),
            (server_hello((65281, b"\0"), alpn(b"h2"), version=0x0302), [0x0302, 0xC02F], b"h2"),
            (server_hello(versions_chosen(0x0304), cipher=0x1302, session=bytes(32)), [0x0304, 0x1302], None),
            (server_hello(versions_chosen(0x7F1C), cipher=0x1302), [0x7F1C, 0x1302], None),
            (server_hello((43, b"\3")), [0x0303, 0xC02F], None),
        ],
    )
    def test_what_it_chose(self, message, numbers, protocol):
        for octets in (records(message), records(message, 2, 40), WARNING + records(message)):
            seen = server(octets + b"\x16")
            assert (seen.result, seen.x.kind) == (len(octets), SERVER_HELLO)
            assert (seen.numbers[:2], seen.texts[1]) == (numbers, protocol)
            assert {server(octets[:size]).result for size in range(len(octets))} == {MORE}

    def test_certificate_in_the_same_record(self):
        message = server_hello()
        assert server(record(message + b"\x0b\0\0\3\0\0\0")).result == 5 + len(message)

    def test_refusals(self):
        fatal = record(b"\x02\x28", kind=21)
        assert server(fatal).result == NOT
        assert server(WARNING + fatal).result == NOT
        assert server(WARNING * 5 + records(server_hello())).result == NOT
        assert server(WARNING).result == MORE
        assert server(record(bytes(32), kind=21)).result == NOT
        assert server(records(chrome())).result == NOT
        assert server(record(server_hello(session=bytes(33)))).result == NOT


class TestFingerprint:
    @pytest.mark.parametrize(
        ("protocol", "ends"),
        [
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (b"", "00"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"\x30\xab", "3b"),
            (b"\x30\x31\xab\xcd", "3d"),
            (b"\x30\xab\xcd\x31", "01"),
        ],
    )
    def test_protocol(self, protocol, ends):
        assert ja4_r(client_hello(alpn(protocol, b"h9")))[8:10] == ends

    @pytest.mark.parametrize(
        ("legacy", "offered", "label"),
        [
            (0x0303, (0x0303, 0x0304), "13"),
            (0x0303, (0x0302, 0x0301), "11"),
            (0x0303, (0x5A5A,), "12"),
            (0x0302, (), "11"),
            (0x0301, (), "10"),
            (0x0300, (), "s3"),
            (0x0303, (0x7F1C, 0x0303), "00"),
            (0x03FF, (), "00"),
        ],
    )
    def test_version(self, legacy, offered, label):
        listed = [versions(*offered)] if offered else []
        assert ja4_r(client_hello(*listed, version=legacy))[1:3] == label

    def test_more_than_99(self):
        kinds = [(0x1000 + n, b"") for n in range(120)]
        assert ja4_r(client_hello(*kinds, ciphers=range(0x2000, 0x2096)))[4:8] == "9999"

    def test_algorithms(self):
        assert ja4_r(client_hello(algorithms(0x0804, 0x3A3A, 0x0403))).endswith("_000d_0804,0403")
        assert ja4_r(client_hello(algorithms())).endswith("_000d")
        assert ja4_r(client_hello((13, b"\0"))).endswith("_000d")
        assert ja4_r(client_hello((13, b"\0\6\4\3\5"))).endswith("_000d_0403")

    def test_too_much_for_a_fingerprint(self):
        host = name(b"a.test")
        assert ja4_r(client_hello(host, ciphers=range(LIST_MOST))) is not None
        for message in (
            client_hello(host, ciphers=range(LIST_MOST + 1)),
            client_hello(host, *((0x1000 + n, b"") for n in range(LIST_MOST + 1))),
            client_hello(host, *((0x1000 + n, b"") for n in range(400)), ciphers=range(500)),
            client_hello(host, algorithms(*range(1000))),
        ):
            seen = client(records(message))
            assert seen.texts[:3] == [b"a.test", None, None]

    @given(
        st.lists(st.integers(0, 0xFFFF) | st.sampled_from([0x0A0A, 0xFAFA, 0x1A2A]), max_size=150),
        st.lists(
            st.sampled_from([0, 10, 16, 21, 43, 0x2A2A, 0xFF01]) | st.integers(0, 0xFFFF),
            unique=True,
            max_size=120,
        ),
        st.lists(st.sampled_from([0x0304, 0x0303, 0x0302, 0x8A8A]), max_size=4),
        st.binary(max_size=9),
        st.none() | st.lists(st.integers(0, 0xFFFF), max_size=20),
    )
    def test_any_lists(self, ciphers, kinds, offered, protocol, signed):
        bodies = {
            16: alpn(protocol)[1],
            43: versions(*offered)[1],
            13: algorithms(*(signed or ()))[1],
            0: name(b"a")[1],
        }
        listed = [(kind, bodies.get(kind, b"x")) for kind in kinds]
        expected = raw_ja4(
            ciphers,
            listed,
            offered=offered if 43 in kinds else (),
            protocol=protocol if 16 in kinds else None,
            signed=signed or () if 13 in kinds else (),
        )
        assert ja4_r(client_hello(*listed, ciphers=ciphers)) == expected


class TestLooks:
    @pytest.mark.parametrize(
        ("octets", "expected"),
        [
            (records(chrome()), True),
            (records(chrome(), 1), True),
            (records(server_hello()), True),
            (records(chrome())[:6], True),
            (records(chrome())[:5], False),
            (records(chrome(), version=0x0300), True),
            (b"\x16\x03\x01\x00\x40\x0b", False),
            (b"\x17\x03\x03\x00\x40\x01", False),
            (b"\x16\x02\x01\x00\x40\x01", False),
            (b"\x16\x03\x05\x00\x40\x01", False),
            (b"\x16\x03\x01\x00\x00\x01", False),
            (b"\x16\x03\x01\x40\x01\x01", False),
        ],
    )
    def test_first_octets(self, octets, expected):
        assert ask(looks_like_tls, octets) == ask(looks_like_tls, octets, plain=True) == expected


MESSAGES = (chrome(), client_hello(name(b"a.test")), client_hello(None), server_hello(alpn(b"h2")))


class TestAnyBytes:
    @given(st.binary(max_size=300))
    @example(b"")
    def test_noise(self, data):
        target(data)

    @given(st.sampled_from(MESSAGES), st.lists(st.integers(1, 600), max_size=3), st.data())
    def test_damaged(self, message, cuts, data):
        octets = bytearray(records(message, *sorted(min(cut, len(message)) for cut in cuts)))
        for _ in range(data.draw(st.integers(0, 4))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        target(bytes(octets[: data.draw(st.integers(0, len(octets)))]))
        target(bytes(octets[5:]))

    @given(
        st.binary(max_size=100), st.lists(st.tuples(st.sampled_from([0, 13, 16, 43]), st.binary(max_size=20)))
    )
    def test_extensions_of_any_bytes(self, noise, listed):
        message = client_hello(*listed)
        target(records(message))
        target(records(b"\1" + sized(message[4:-2] + noise, 3)))
        target(records(server_hello(*listed)))
