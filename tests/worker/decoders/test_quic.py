"""Initial packets of QUIC: the RFCs' own, packets sealed here in every shape, real captures, and any bytes."""

import itertools
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.ja4 import ja4_of
from tests.worker.decoders.captured import text
from tests.worker.decoders.hellos import chrome, client_hello, name, server_hello
from tests.worker.decoders.oracle import datagrams_of, hellos_of
from tests.worker.decoders.rig import ask, read
from tests.worker.decoders.sealing import (
    DRAFT_29,
    GREASED,
    ID,
    SALTS,
    V1,
    V2,
    crypto,
    hexed,
    sealed,
    secrets_of,
    varint,
)
from worker.decoders import quic, quic_keys
from worker.decoders.quic import CRYPTO_MOST, PACKETS_MOST, PIECES_MOST, Initials, looks_like_quic_initial
from worker.decoders.tls import read_hello_message

RFC_HELLO = bytes.fromhex(
    "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c0000000"
    "10000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e00050005010000"
    "0000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07"
    "048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff"
)
IN_CAPTURES = {  # connections whose hello is there
    "mercury/emix.pcap": 1,
    "mercury/geneve.pcap": 22,
    "ndpi/quic_interop_V.pcapng": 63,
    "ndpi/sites.pcapng": 4,
    "suricata-verify/quic-frag.pcap": 1,
}


# RFC 9001 appendix A.1, RFC 9369 appendix A.1, draft-ietf-quic-tls-29 appendix A.1: the client's.
PUBLISHED = {
    V1: hexed(
        "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"
    ),
    V2: hexed(
        "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9"
    ),
    DRAFT_29: hexed(
        "175257a31eb09dea9366d8bb79ad80ba", "6b26114b9cba2b63a9e8dd4f", "9ddd12c994c0698b89374a9c077a3077"
    ),
}
# The first octets of the protected packets of appendix A.2, and the tags they end with, which vouch for the rest.
PROTECTED = {
    V1: (
        "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
        "e221af44860018ab0856972e194cd934",
    ),
    V2: (
        "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
        "a18b2faa745b6fe189cf772a9f84cbfc",
    ),
}


def target(data):
    """What holds for any bytes: a hello or None, never more than is allowed to be kept, and no exception."""
    initials = Initials(connections=4, age=3)
    half = len(data) // 2
    for key, datagram in enumerate((data, data[:half], data[half:], data)):
        message = initials.hello(datagram, key % 2)
        assert message is None or message[0] == 1
        assert initials.held <= 4
        ask(looks_like_quic_initial, datagram, plain=True)
    opened(data)


def opened(frames):
    """The same bytes as what a seal held."""
    stream = quic.Crypto()
    for offset, piece in quic.crypto_frames(frames):
        stream.put(offset, piece)
    message = stream.message()
    assert message is None or (message[0] == 1 and len(message) <= CRYPTO_MOST)
    assert len(stream._octets) <= CRYPTO_MOST


class TestVectors:
    @pytest.mark.parametrize("version", PROTECTED)
    def test_client_initial(self, version):
        packet = sealed(crypto(0, RFC_HELLO), version, 2, secrets=PUBLISHED[version])
        start, end = map(bytes.fromhex, PROTECTED[version])
        assert (len(packet), packet[: len(start)], packet[-16:]) == (1200, start, end)
        assert Initials().hello(packet, 0) == RFC_HELLO
        assert ask(looks_like_quic_initial, packet)
        seen = read(read_hello_message, RFC_HELLO)
        assert (seen.result, seen.texts[:2]) == (len(RFC_HELLO), [b"example.com", b"alpn"])

    @pytest.mark.parametrize("version", PUBLISHED)
    def test_keys(self, version):
        assert (
            Initials().hello(sealed(crypto(0, RFC_HELLO), version, secrets=PUBLISHED[version]), 0)
            == RFC_HELLO
        )

    @pytest.mark.parametrize("version", SALTS)
    def test_versions(self, version):
        packet = sealed(crypto(0, chrome()), version, 77, source=b"abcd", token=b"t" * 70)
        assert ask(looks_like_quic_initial, packet)
        assert ask(looks_like_quic_initial, packet, plain=True)
        assert Initials().hello(packet, 0) == chrome()

    def test_greased_version_of_today(self):
        packet = sealed(crypto(0, chrome()), GREASED, secrets=secrets_of(V1, ID))
        assert Initials().hello(packet, 0) == chrome()

    def test_kernel_and_keys_know_the_same_versions(self):
        near = {version + step for version in quic_keys.RULES for step in (-1, 0, 1)} | {
            0,
            0x51303530,
            GREASED,
        }
        for version in near:
            datagrams = [
                bytes([first]) + version.to_bytes(4, "big") + bytes(1195)
                for first in (0xC0, 0xD0, 0xE0, 0xF0)
            ]
            looks = [ask(looks_like_quic_initial, datagram, plain=True) for datagram in datagrams]
            assert any(looks) == bool(quic_keys.rules_of(version)), hex(version)
            assert sum(looks) <= 1
            kinds = [bool(list(quic.initial_packets(datagram))) for datagram in datagrams]
            assert not any(looks) or looks == kinds


class TestLooks:
    @pytest.mark.parametrize(
        ("start", "size", "expected"),
        [
            ("c000000001 08", 1200, True),
            ("c000000001 14", 1200, True),
            ("c000000001 15", 1200, False),
            ("c000000001 08", 1199, False),
            ("d000000001 08", 1200, False),  # 0-RTT
            ("8000000001 08", 1200, False),
            ("4000000001 08", 1200, False),
            ("d06b3343cf 08", 1200, True),
            ("c06b3343cf 08", 1200, False),
            ("c000000000 08", 1200, False),  # version negotiation
            ("c051303530 08", 1200, False),  # Google's own handshake
            ("", 0, False),
        ],
    )
    def test_first_octets(self, start, size, expected):
        datagram = bytes.fromhex(start).ljust(size, b"\0")
        assert (
            ask(looks_like_quic_initial, datagram)
            == ask(looks_like_quic_initial, datagram, plain=True)
            == expected
        )


class TestStreams:
    def test_once(self):
        initials = Initials()
        packet = sealed(crypto(0, chrome()))
        assert initials.hello(packet, "a") == chrome()
        assert initials.hello(packet, "a") is None
        assert initials.hello(packet, "b") == chrome()

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_datagrams_in_any_order(self, order):
        message = client_hello(name(b"split.test"), (21, bytes(2500)))
        pieces = [crypto(at, message[at : at + 1000]) for at in (0, 1000, 2000)]
        datagrams = [sealed(piece, number=at) for at, piece in enumerate(pieces)]
        initials = Initials()
        found = [initials.hello(datagrams[at], 0) for at in order]
        assert found == [None, None, message]

    def test_frames_in_any_order(self):
        """As browsers do: small pieces, overlapping ones, pings, padding and acknowledgements between them."""
        message = chrome()
        pieces = [crypto(at, message[at : at + 40]) for at in range(0, len(message), 30)]
        ack = b"\x02\x05\x00\x01\x00" + varint(2) + varint(300)
        ecn = b"\x03\x05\x00\x00\x00\x01\x02\x03"
        frames = b"\0\0\x01".join(reversed(pieces)) + ack + ecn
        assert Initials().hello(sealed(ack + ecn + frames), 0) == message

    def test_coalesced(self):
        message = chrome()
        halves = crypto(0, message[:100]), crypto(100, message[100:])
        early = sealed(b"", octets=40, kind=1)  # 0-RTT
        shook = sealed(b"", octets=40, kind=2)  # Handshake
        packets = [sealed(half, number=at, octets=100) for at, half in enumerate(halves)]
        short = b"\x40" + bytes(30)
        assert Initials().hello(packets[0] + early + shook + packets[1] + short, 0) == message
        assert Initials().hello(packets[0] + short + packets[1], 0) is None
        assert Initials().hello(packets[0] * PACKETS_MOST + packets[1], 0) is None

    def test_what_the_server_says_changes_nothing(self):
        message = chrome()
        initials = Initials()
        assert initials.hello(sealed(crypto(0, message[:50])), 0) is None
        answer = sealed(
            crypto(0, server_hello()), secrets=secrets_of(V1, ID, b"server in"), to=b"", source=b"server"
        )
        assert initials.hello(answer, 0) is None
        later = sealed(
            crypto(50, message[50:]), number=1, to=b"server"
        )  # it goes on with the server's id, same keys
        assert initials.hello(later, 0) == message

    def test_begun_anew(self):
        """Behind a Retry the keys come from the id the server chose, and the stream is sent again."""
        message = chrome()
        initials = Initials()
        assert initials.hello(sealed(crypto(9, message[9:])), 0) is None
        assert initials.hello(sealed(crypto(0, message[:100]), given=b"another", token=b"t"), 0) is None
        assert initials.hello(sealed(crypto(100, message[100:]), given=b"another", token=b"t"), 0) == message

    def test_version_changed_under_way(self):
        """Compatible version negotiation (RFC 9369 section 4.1): same id, other salt."""
        message = chrome()
        initials = Initials()
        assert initials.hello(sealed(crypto(0, message[:100])), 0) is None
        later = sealed(crypto(100, message[100:]), V2, to=b"server", secrets=secrets_of(V2, ID))
        assert initials.hello(later, 0) == message

    def test_first_one_missing(self):
        later = sealed(crypto(50, chrome()[50:]), number=1, to=b"server")
        assert Initials().hello(later, 0) is None

    @pytest.mark.parametrize(
        "damage",
        [
            lambda packet: packet[:-1],
            lambda packet: packet[:-1] + bytes([packet[-1] ^ 1]),
            lambda packet: packet[:6] + b"\0" + packet[7:],
            lambda packet: b"\x80" + packet[1:],
            lambda packet: packet[:1] + b"\0\0\0\0" + packet[5:],
            lambda packet: packet[:30],
            lambda packet: b"",
        ],
    )
    def test_damaged(self, damage):
        initials = Initials()
        assert initials.hello(damage(sealed(crypto(0, chrome()))), 0) is None
        assert initials.held == 0

    def test_too_short_for_a_sample(self):
        assert Initials().hello(sealed(b"", octets=0)[:-1], 0) is None
        assert Initials().hello(b"\xc0\0\0\0\1\0\0\0\x05\0\0\0\0\0", 0) is None


class TestBounds:
    def test_connections(self):
        initials = Initials(connections=3)
        message = chrome()
        for key in range(5):
            assert initials.hello(sealed(crypto(0, message[:50])), key) is None
            assert initials.held <= 3
        rest = sealed(crypto(50, message[50:]), number=1, to=b"server")
        assert [initials.hello(rest, key) for key in range(5)] == [None, None, message, message, message]

    def test_age(self):
        message = chrome()
        for others, expected in ((8, message), (9, None)):
            initials = Initials(age=9)
            assert initials.hello(sealed(crypto(0, message[:50])), 0) is None
            for _ in range(others):
                initials.hello(b"", 1)
            assert initials.hello(sealed(crypto(50, message[50:]), to=b"server"), 0) == expected

    def test_longest_hello(self):
        padding = CRYPTO_MOST - len(client_hello(name(b"long.test"))) - 4
        for more, expected in ((0, True), (1, False)):
            message = client_hello(name(b"long.test"), (21, bytes(padding + more)))
            initials = Initials()
            found = [
                initials.hello(sealed(crypto(at, message[at : at + 1100])), 0)
                for at in range(0, len(message), 1100)
            ]
            assert (found[-1] == message) == expected
            assert not any(found[:-1])

    def test_pieces(self):
        """What comes in too many pieces with gaps between is given up, and forgotten."""
        message = client_hello(name(b"long.test"), (21, bytes(600)))
        single = [crypto(at, message[at : at + 1]) for at in range(1, len(message), 2)]
        assert len(single) > PIECES_MOST
        initials = Initials()
        assert initials.hello(sealed(b"".join(single[:PIECES_MOST])), 0) is None
        assert initials.hello(sealed(b"".join(single[PIECES_MOST:])), 0) is None
        assert initials.hello(sealed(crypto(0, message)), 0) is None

    def test_something_else_than_a_hello(self):
        initials = Initials()
        assert initials.hello(sealed(crypto(0, server_hello())), 0) is None
        assert initials.hello(sealed(crypto(0, chrome())), 0) is None


class TestFrames:
    @pytest.mark.parametrize(
        "frames",
        [
            b"",
            b"\0" * 30,
            b"\x06",
            b"\x06\0",
            b"\x06\0\x44",
            b"\x06\0\x05abcd",
            b"\x06\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
            b"\x02\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0" + crypto(0, b"\1\0\0\0"),
            b"\x1c" + crypto(0, b"\1\0\0\0"),
            b"\x08" + crypto(0, b"\1\0\0\0"),
        ],
    )
    def test_nothing_in_them(self, frames):
        stream = quic.Crypto()
        for offset, piece in quic.crypto_frames(frames):
            stream.put(offset, piece)
        assert stream.message() is None


class TestAnyBytes:
    @given(st.binary(max_size=200))
    @example(b"\xc0\0\0\0\1\0\0\0\0")
    def test_noise(self, data):
        target(data)

    @given(st.sampled_from(sorted(SALTS)), st.binary(max_size=200), st.data())
    def test_damaged_packets(self, version, frames, data):
        packet = bytearray(sealed(frames, version, octets=100))
        for _ in range(data.draw(st.integers(0, 3))):
            packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
        target(bytes(packet) + data.draw(st.binary(max_size=60)))

    @given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300)), max_size=12), st.integers(4, 600))
    def test_pieces_against_a_set(self, pieces, size):
        """A message is there when every octet of it is, whatever the pieces were."""
        message = b"\1" + (size - 4).to_bytes(3, "big") + bytes(range(256)) * 3
        stream, there = quic.Crypto(), set()
        for offset, length in pieces:
            stream.put(offset, message[offset : offset + length])
            there.update(range(offset, min(offset + length, len(message))))
            expected = message[:size] if there.issuperset(range(size)) else None
            assert stream.message() == expected


@pytest.mark.parametrize("name", IN_CAPTURES)
def test_captures(captures, name):
    """Every client hello tshark finds, with its server name and JA4; in a retransmission it is not told again."""
    hellos = [hello for hello in hellos_of(captures / name, "quic") if hello["hello"] == "client"]
    frames, found = {}, set()
    initials = Initials()
    for frame, key, payload in datagrams_of(captures / name):
        frames[frame] = key
        message = initials.hello(payload, key)
        if message is not None:
            assert ask(looks_like_quic_initial, payload)
            seen = read(read_hello_message, message)
            assert seen.result == len(message)
            found.add((key, text(seen.texts[0]), ja4_of(text(seen.texts[2]))))
    assert found == {(frames[hello["frame"]], hello["sni"], hello["ja4"]) for hello in hellos}
    assert len(found) == IN_CAPTURES[name]


def test_without_cryptography():
    """Nothing is opened, and nothing fails."""
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from worker.decoders.quic import Initials\n"
        "initials = Initials()\n"
        "print(initials.able, initials.hello(bytes.fromhex(sys.argv[1]), 0))"
    )
    command = [sys.executable, "-c", program, sealed(crypto(0, chrome())).hex()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "None"]
    assert Initials().able
