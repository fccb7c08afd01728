"""Kentik's flow records out of a request's body: offsets typed from the format's table, no library, nothing of ours.

Every pointer is checked: it leads forward, inside the segment, to something no other pointer leads to.
"""

import gzip
import ipaddress
import struct
from dataclasses import dataclass, field
from typing import Any

from tests.kentik.packed import BrokenMessageError, segment, unpacked

PREFIX = 80
DATA_OCTETS, POINTERS = 232, 14
U32 = {
    "dstAs": 8, "dstGeo": 12, "dstMac": 16, "headerLen": 20, "inputPort": 40, "ipSize": 44, "ipv4DstAddr": 48,
    "ipv4SrcAddr": 52, "l4DstPort": 56, "l4SrcPort": 60, "outputPort": 64, "protocol": 68, "sampledPacketSize": 72,
    "srcAs": 76, "srcGeo": 80, "srcMac": 84, "tcpFlags": 88, "tos": 92, "vlanIn": 96, "vlanOut": 100,
    "ipv4NextHop": 104, "mplsType": 108, "tcpRetransmit": 128, "sampleRate": 132, "deviceId": 136,
    "srcNextHopAs": 140, "dstNextHopAs": 152, "srcGeoRegion": 156, "dstGeoRegion": 160, "srcGeoCity": 164,
    "dstGeoCity": 168, "ipv4DstNextHop": 176, "ipv4SrcNextHop": 180, "srcRoutePrefix": 184, "dstRoutePrefix": 188,
    "srcSecondAsn": 192, "dstSecondAsn": 196, "srcThirdAsn": 200, "dstThirdAsn": 204,
}  # fmt: skip
U64 = {"inBytes": 24, "inPkts": 32, "outBytes": 112, "outPkts": 120, "srcEthMac": 208, "dstEthMac": 216}
I64 = {"timestampNano": 0, "timestamp": 144}
U8 = {"srcRouteLength": 173, "dstRouteLength": 174}
BITS = {"big": 1376, "sampleAdj": 1377, "isMetric": 1378}
APP_PROTOCOL, APP_PROTOCOL_DEFAULT = 224, 0xFFFFFFFF
TEXTS = {
    "srcFlowTags": 0, "dstFlowTags": 1, "flowTags": 2, "dstBgpAsPath": 3, "dstBgpCommunity": 4, "srcBgpAsPath": 5,
    "srcBgpCommunity": 6,
}  # fmt: skip
DATA = {
    "ipv6DstAddr": 7, "ipv6SrcAddr": 8, "ipv6SrcNextHop": 10, "ipv6DstNextHop": 11, "ipv6SrcRoutePrefix": 12,
    "ipv6DstRoutePrefix": 13,
}  # fmt: skip
CUSTOM = 9
CUSTOM_WORDS, CUSTOM_POINTERS = 3, 1
UINT32, FLOAT32, TEXT, UINT64, ADDRESS, UINT16, UINT8 = range(7)
SIZES = {"I": 4, "Q": 8, "q": 8, "B": 1}
MEMBERS = ("uint32Val", "float32Val", "strVal", "uint64Val", "addrVal", "uint16Val", "uint8Val")


def _layout() -> tuple[list[str], struct.Struct]:
    """The numbers of a record in the order of their places, and what unpacks them all."""
    kinds = (("I", U32 | {"appProtocol": APP_PROTOCOL}), ("Q", U64), ("q", I64), ("B", U8))
    placed = sorted((place, kind, name) for kind, table in kinds for name, place in table.items())
    form, at = "<", 0
    for place, kind, _ in placed:
        form += f"{place - at}x{kind}"
        at = place + SIZES[kind]
    return [name for _, _, name in placed], struct.Struct(form)


NUMBERS, UNPACK = _layout()


@dataclass
class Flow:
    """One record: every field by its name in the format, customs in order as (id, member, value)."""

    fields: dict[str, Any]
    customs: list[tuple[int, str, Any]] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    @property
    def src(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        return self._address("Src")

    @property
    def dst(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        return self._address("Dst")

    def by_id(self) -> dict[int, Any]:
        """The customs' values; an id twice is a fault."""
        ids = [number for number, _, _ in self.customs]
        if len(set(ids)) != len(ids):
            raise BrokenMessageError(f"custom ids {ids}")
        return {number: value for number, _, value in self.customs}

    def _address(self, side: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        six = self.fields[f"ipv6{side}Addr"]
        return ipaddress.ip_address(six if six is not None else self.fields[f"ipv4{side}Addr"])


def address(value: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address in a custom: 17 octets, the version first."""
    if len(value) != 17 or value[0] not in (4, 6):
        raise BrokenMessageError(f"address {value.hex()}")
    if value[0] == 6:
        return ipaddress.IPv6Address(value[1:])
    if any(value[5:]):
        raise BrokenMessageError(f"address {value.hex()}")
    return ipaddress.IPv4Address(value[1:5])


def read_body(body: bytes) -> list[Flow]:
    """The records of a compressed body."""
    return read_prefixed(gzip.decompress(body))


def read_prefixed(octets: bytes) -> list[Flow]:
    """The records behind the prefix."""
    if len(octets) < PREFIX:
        raise BrokenMessageError("shorter than the prefix")
    if any(octets[:PREFIX]):
        raise BrokenMessageError("the prefix is not zero")
    return read_packed(octets[PREFIX:])


def read_packed(octets: bytes) -> list[Flow]:
    """The records of a packed message."""
    return Reader(segment(unpacked(octets))).flows()


class Reader:
    """Walks one segment; places are octets from its beginning."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._taken = bytearray(len(octets) // 8)

    def flows(self) -> list[Flow]:
        """The records in the root's list."""
        at, data, pointers = self._struct(0)
        if pointers < 1:
            return []
        found = self._structs(at + data * 8, DATA_OCTETS // 8, POINTERS)
        return [self._flow(place) for place in found]

    def _flow(self, at: int) -> Flow:
        fields: dict[str, Any] = dict(zip(NUMBERS, UNPACK.unpack_from(self._octets, at), strict=True))
        fields["appProtocol"] ^= APP_PROTOCOL_DEFAULT
        for name, bit in BITS.items():
            fields[name] = bool(self._octets[at + bit // 8] >> bit % 8 & 1)
        slots = at + DATA_OCTETS
        fields |= {name: self._text(slots + 8 * place) for name, place in TEXTS.items()}
        fields |= {name: self._data(slots + 8 * place) for name, place in DATA.items()}
        listed = self._structs(slots + 8 * CUSTOM, CUSTOM_WORDS, CUSTOM_POINTERS)
        return Flow(fields, [self._custom(place) for place in listed])

    def _custom(self, at: int) -> tuple[int, str, Any]:
        number, tag = struct.unpack_from("<I4xH", self._octets, at)
        if tag >= len(MEMBERS):
            raise BrokenMessageError(f"custom {number} of kind {tag}")
        kinds = {UINT32: "<I", FLOAT32: "<f", UINT16: "<H", UINT8: "<B"}
        value: Any
        if tag == TEXT:
            value = self._text(at + 24)
        elif tag == ADDRESS:
            value = self._data(at + 24)
        elif tag == UINT64:
            (value,) = struct.unpack_from("<Q", self._octets, at + 16)
        else:
            (value,) = struct.unpack_from(kinds[tag], self._octets, at + 4)
        return number, MEMBERS[tag], value

    def _text(self, pointer: int) -> str | None:
        octets = self._data(pointer)
        if octets is None:
            return None
        if not octets.endswith(b"\0"):
            raise BrokenMessageError("a text without its zero octet")
        return octets[:-1].decode()

    def _data(self, pointer: int) -> bytes | None:
        word = self._word(pointer)
        if not word:
            return None
        size, count = word >> 32 & 7, word >> 35
        if word & 3 != 1 or size != 2:
            raise BrokenMessageError(f"no octets behind {word:#018x}")
        begin = self._target(pointer, word)
        self._take(begin, (count + 7) // 8)
        return self._octets[begin : begin + count]

    def _structs(self, pointer: int, data: int, pointers: int) -> list[int]:
        word = self._word(pointer)
        if not word:
            return []
        if word & 3 != 1 or word >> 32 & 7 != 7:
            raise BrokenMessageError(f"no list of structs behind {word:#018x}")
        begin, words = self._target(pointer, word), word >> 35
        self._take(begin, 1 + words)
        tag = self._word(begin)
        count, shape = (tag & 0xFFFFFFFF) >> 2, (tag >> 32 & 0xFFFF, tag >> 48)
        if tag & 3 or shape != (data, pointers) or count * (data + pointers) != words:
            raise BrokenMessageError(f"list tag {tag:#018x} over {words} words")
        return [begin + 8 + 8 * (data + pointers) * place for place in range(count)]

    def _struct(self, pointer: int) -> tuple[int, int, int]:
        word = self._word(pointer)
        if word & 3:
            raise BrokenMessageError(f"no struct behind {word:#018x}")
        at, data, pointers = self._target(pointer, word), word >> 32 & 0xFFFF, word >> 48
        self._take(at, data + pointers)
        return at, data, pointers

    def _word(self, at: int) -> int:
        if at + 8 > len(self._octets):
            raise BrokenMessageError("a pointer outside the segment")
        return int.from_bytes(self._octets[at : at + 8], "little")

    @staticmethod
    def _target(pointer: int, word: int) -> int:
        ahead = (word & 0xFFFFFFFF) >> 2
        if ahead >= 1 << 29:
            raise BrokenMessageError("a pointer backwards")
        return pointer + 8 + 8 * ahead

    def _take(self, begin: int, words: int) -> None:
        """Those words belong to one pointer alone."""
        end = begin + 8 * words
        if end > len(self._octets):
            raise BrokenMessageError("an object outside the segment")
        if self._taken.find(1, begin // 8, end // 8) >= 0:
            raise BrokenMessageError("two pointers to one place")
        self._taken[begin // 8 : end // 8] = b"\1" * words
