"""QUIC: the ClientHello of Initial packets (step 5). RFC 9000, 9001 and 9369.

Plain Python, for it takes AES and happens once a connection; a kernel picks the datagrams worth it. A hello may lie in
several CRYPTO frames, out of order, over several datagrams: browsers do that on purpose. Without the package
`cryptography` (the extra `quic`) nothing is opened.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from worker.jit import inlined
from worker.octets import Int, Octets, be32, octet

if TYPE_CHECKING:
    from worker.decoders.quic_keys import Keys, Rules

DATAGRAM_LEAST = 1200
ID_MOST = 20
CONNECTIONS_MOST = 1024
AGE_MOST = 1 << 16  # datagrams
CRYPTO_MOST = 16384
PIECES_MOST = 64  # with gaps between them
PACKETS_MOST = 4  # of a datagram
VERSION_2 = (0x6B3343CF, 0x709A50C4)  # the types of long packets are one further on (RFC 9369 section 3.2)
INITIAL, RETRY = 0, 3
PADDING, PING, ACK, ACK_ECN, CRYPTO = 0, 1, 2, 3, 6
CLIENT_HELLO = 1
BEYOND = 1 << 62  # more than any number of QUIC


@inlined
def looks_like_quic_initial(buf: Octets, at: Int, end: Int) -> Int:
    """A datagram that begins with an Initial packet of a version whose keys are known: six octets are looked at.

    Shorter than 1200 octets it is none of a client's (RFC 9000 section 14.1: both sides pad what they want answered;
    only a server's bare acknowledgement is shorter), or it was cut and cannot be opened.
    """
    if at + DATAGRAM_LEAST > end or octet(buf, at + 5) > ID_MOST:
        return False
    version = be32(buf, at + 1)
    shifted = version in VERSION_2
    known = (
        shifted
        or version in (1, 0xFF020000, 0xFACEB002, 0xFACEB00E, 0x54303530, 0x54303531)
        or 0xFF000017 <= version <= 0xFF000022
        or version & 0x0F0F0F0F == 0x0A0A0A0A
    )
    return known and octet(buf, at) >> 4 == (13 if shifted else 12)


class Initials:
    """The connections whose ClientHello is not complete yet, a bounded number of them, the oldest out first.

    Where a hello was complete, its connection is kept as done: what else it sends is passed over unread.
    """

    def __init__(self, connections: int = CONNECTIONS_MOST, age: int = AGE_MOST) -> None:
        try:
            from worker.decoders import quic_keys
        except ImportError:
            self.able = False
        else:
            self.able = True
            self._rules_of, self._keys = quic_keys.rules_of, quic_keys.Keys
        self._most, self._age, self._datagrams = connections, age, 0
        self._open: OrderedDict[object, _Connection] = OrderedDict()

    @property
    def held(self) -> int:
        """Connections it remembers."""
        return len(self._open)

    def hello(self, datagram: bytes, key: object) -> bytes | None:
        """The ClientHello message, once, from the datagram that completes it; `key` says whose datagram it is.

        A server's datagram under the same key does no harm. None for any other bytes.
        """
        self._datagrams += 1
        if not self.able:
            return None
        self._forget()
        known = self._open.get(key)
        if known is not None and known.crypto is None:
            return None
        for packet in islice(initial_packets(datagram), PACKETS_MOST):
            frames = self._frames(packet, key)
            if frames is not None:
                message = self._open[key].take(frames)
                if message is not None:
                    return message
        return None

    def _frames(self, packet: Packet, key: object) -> bytes | None:
        """The frames of a packet, by the keys its connection began with, or by keys of its own: then it begins anew."""
        for rules in self._rules_of(packet.version):
            known = self._open.get(key)
            if known is not None:
                keys = known.keys.get(rules) or self._keys(rules, known.id)
                frames = keys.open(packet.octets, packet.number_at)
                if frames is not None:
                    known.keys[rules] = keys
                    return frames
            if known is None or known.id != packet.id:  # the first, or the first behind a Retry
                keys = self._keys(rules, packet.id)
                frames = keys.open(packet.octets, packet.number_at)
                if frames is not None:
                    self._begin(key, _Connection(packet.id, {rules: keys}, self._datagrams))
                    return frames
        return None

    def _begin(self, key: object, connection: _Connection) -> None:
        self._open.pop(key, None)
        while len(self._open) >= self._most:
            self._open.popitem(last=False)
        self._open[key] = connection

    def _forget(self) -> None:
        while self._open and self._datagrams - next(iter(self._open.values())).born > self._age:
            self._open.popitem(last=False)


class _Connection:
    """What is known of one connection: the id its keys come from, and its hello so far."""

    __slots__ = ("born", "crypto", "id", "keys")

    def __init__(self, connection_id: bytes, keys: dict[Rules, Keys], born: int) -> None:
        self.id, self.keys, self.born = connection_id, keys, born
        self.crypto: Crypto | None = Crypto()

    def take(self, frames: bytes) -> bytes | None:
        """Read the frames of a packet; the ClientHello if that completes it."""
        if self.crypto is None:
            return None
        for offset, piece in crypto_frames(frames):
            self.crypto.put(offset, piece)
        message = self.crypto.message()
        if message is not None or self.crypto.hopeless:
            self.crypto = None
        return message


class Crypto:
    """The stream of CRYPTO frames from its beginning on, in whatever order they come."""

    def __init__(self) -> None:
        self.hopeless = False
        self._octets = bytearray()
        self._pieces: list[tuple[int, int]] = []  # from, to: in order, none touching the next

    def put(self, offset: int, piece: bytes) -> None:
        """Keep a piece; what lies beyond CRYPTO_MOST, or in too many pieces, is no hello."""
        finish = offset + len(piece)
        if finish > CRYPTO_MOST or len(self._pieces) > PIECES_MOST:
            self.hopeless = True
            return
        self._octets.extend(bytes(max(0, finish - len(self._octets))))
        self._octets[offset:finish] = piece
        apart = [part for part in self._pieces if part[1] < offset or part[0] > finish]
        touching = [part for part in self._pieces if not (part[1] < offset or part[0] > finish)]
        begin = min([offset, *(part[0] for part in touching)])
        finish = max([finish, *(part[1] for part in touching)])
        self._pieces = sorted([*apart, (begin, finish)])

    def message(self) -> bytes | None:
        """The first handshake message, if it is there."""
        if not self._pieces or self._pieces[0][0] > 0:
            return None
        there = self._pieces[0][1]
        if there and self._octets[0] != CLIENT_HELLO:
            self.hopeless = True
        size = 4 + int.from_bytes(self._octets[1:4], "big")
        if self.hopeless or there < 4 or there < size:
            return None
        return bytes(self._octets[:size])


class Packet(NamedTuple):
    """An Initial packet, still sealed."""

    version: int
    id: bytes
    octets: bytes
    number_at: int


def initial_packets(datagram: bytes) -> Iterator[Packet]:
    """The Initial packets of a datagram, which may hold others too (RFC 9000 sections 12.2 and 17.2)."""
    at = 0
    while at + 6 <= len(datagram) and datagram[at] >> 6 == 3:
        version = int.from_bytes(datagram[at + 1 : at + 5], "big")
        kind = ((datagram[at] >> 4) - (version in VERSION_2)) & 3
        source = at + 6 + datagram[at + 5]
        if kind == RETRY or datagram[at + 5] > ID_MOST or source >= len(datagram):
            return
        place = source + 1 + datagram[source]
        if kind == INITIAL:
            token, place = varint(datagram, place)
            place += token
        size, place = varint(datagram, place)
        finish = place + size
        if finish > len(datagram):
            return
        if kind == INITIAL:
            yield Packet(version, datagram[at + 6 : source], datagram[at:finish], place - at)
        at = finish


def crypto_frames(frames: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and octets of each CRYPTO frame; what no Initial packet may hold ends it (RFC 9000 section 17.2.2)."""
    at = 0
    while at < len(frames):
        kind = frames[at]
        at += 1
        if kind == PADDING:
            at = len(frames) - len(frames[at:].lstrip(b"\0"))
        elif kind in (ACK, ACK_ECN):
            at = behind_ack(frames, at, kind)
        elif kind == CRYPTO:
            offset, at = varint(frames, at)
            size, at = varint(frames, at)
            if at + size > len(frames):
                return
            yield offset, frames[at : at + size]
            at += size
        elif kind != PING:
            return


def behind_ack(frames: bytes, at: int, kind: int) -> int:
    """Where an acknowledgement ends (RFC 9000 section 19.3)."""
    _largest, at = varint(frames, at)
    _delay, at = varint(frames, at)
    ranges, at = varint(frames, at)
    for _ in range(1 + 2 * min(ranges, len(frames)) + (3 if kind == ACK_ECN else 0)):
        _, at = varint(frames, at)
    return at


def varint(octets: bytes, at: int) -> tuple[int, int]:
    """A number of 1, 2, 4 or 8 octets and where it ends; BEYOND where the octets end first (RFC 9000 section 16)."""
    if at >= len(octets):
        return BEYOND, len(octets)
    size = 1 << (octets[at] >> 6)
    if at + size > len(octets):
        return BEYOND, len(octets)
    return int.from_bytes(octets[at : at + size], "big") & ((1 << 8 * size - 2) - 1), at + size
