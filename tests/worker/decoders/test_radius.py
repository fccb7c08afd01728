"""RADIUS messages: built by scapy and by hand, kprobe's fixtures, real captures as tshark reads them, any bytes."""

import ipaddress
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.radius import (
    Radius,
    RadiusAttr_Acct_Status_Type,
    RadiusAttr_Framed_IP_Netmask,
    RadiusAttr_Framed_Protocol,
    RadiusAttr_User_Name,
    RadiusAttribute,
)

from tests.worker.decoders.captured import messages, payloads, text
from tests.worker.decoders.rig import promised, read
from worker.decoders.radius import NOT_RADIUS, REPLIES, REPLY, REQUEST, REQUESTS, read_radius

IN_CAPTURES = {  # how many messages tshark finds in them
    "kprobe/radius-acct-start.pcap": 2,
    "kprobe/radius-acct-stop.pcap": 2,
    "kprobe/radius-auth-req.pcap": 4,
    "kprobe/radius_different_auths.pcap": 19,
    "ndpi/fuzz-2020-02-16-11740.pcap": 80,
}


def target(data):
    """What holds for any bytes."""
    result, numbers, texts, x = promised(read_radius, data)
    assert result in {NOT_RADIUS, REQUEST, REPLY}
    if result == NOT_RADIUS:
        return
    assert data[0] == numbers[0]
    assert (result == REQUEST) == (data[0] in REQUESTS)
    assert x.ident == data[1]
    size = int.from_bytes(data[2:4], "big")
    if len(data) >= size:  # what lies behind is padding
        assert read(read_radius, data[:size], plain=True)[:3] == (result, numbers, texts)
    assert all(char >= 0x20 and char != 0x7F for cell in texts if cell for char in cell)


def message(*attributes, code=1, ident=9, length=None):
    """A message of these attributes: (kind, value), or octets as they are."""
    packed = [a if isinstance(a, bytes) else bytes([a[0], len(a[1]) + 2]) + a[1] for a in attributes]
    body = bytes(range(16)) + b"".join(packed)
    return struct.pack(">BBH", code, ident, 4 + len(body) if length is None else length) + body


def number_of(address):
    return int(ipaddress.IPv4Address(address))


def u32(value):
    return struct.pack(">I", value)


class TestMessages:
    def test_built_by_scapy(self):
        attributes = [
            RadiusAttr_User_Name(value=b"bob"),
            RadiusAttr_Framed_Protocol(value=1),
            RadiusAttr_Framed_IP_Netmask(value="255.255.255.0"),
            RadiusAttr_Acct_Status_Type(value=3),
            RadiusAttribute(type=44, value=b"17-a"),
        ]
        seen = promised(read_radius, bytes(Radius(code=4, id=33, attributes=attributes)))
        assert (seen.result, seen.x.ident) == (REQUEST, 33)
        assert seen.numbers == [4, None, 0, number_of("255.255.255.0"), 1, 3]
        assert seen.texts[:2] == [b"bob", b"17-a"]

    def test_every_attribute(self):
        attributes = [(44, b"session"), (1, b"K\xc3\xa4the\0"), (6, u32(2)), (7, u32(1)), (40, u32(3))]
        attributes += [(8, b"\x0a\1\2\3"), (9, b"\xff\xff\xff\0"), (10, u32(9)), (26, b"\0\0\0\1\1\3x")]
        seen = promised(read_radius, message(*attributes, code=4))
        assert seen.numbers == [4, 2, number_of("10.1.2.3"), number_of("255.255.255.0"), 1, 3]
        assert seen.texts[:2] == ["Käthe\\000".encode(), b"session"]

    def test_codes(self):
        for code in range(256):
            expected = REQUEST if code in REQUESTS else REPLY if code in REPLIES else NOT_RADIUS
            seen = read(read_radius, message(code=code))
            assert (seen.result, seen.numbers[0]) == (expected, code if expected else None)

    def test_first_of_several(self):
        seen = promised(read_radius, message((1, b"a"), (1, b"b"), (6, u32(1)), (6, u32(2))))
        assert (seen.texts[0], seen.numbers[1]) == (b"a", 1)

    @pytest.mark.parametrize("value", [b"", b"\1", b"\0\0\0\1\0", b"\xff\xff\xff\xff"])
    def test_numbers_of_another_length(self, value):
        seen = promised(read_radius, message((6, value), (8, value), (1, b"a")))
        assert (seen.result, seen.numbers[1:3], seen.texts[0]) == (REQUEST, [None, 0], b"a")

    def test_a_mask_of_all_ones(self):
        """One host, and no sign of absence; of an address it is, and leaves the choice to the user."""
        seen = promised(read_radius, message((8, b"\xff" * 4), (9, b"\xff" * 4)))
        assert seen.numbers[2:4] == [0, 2**32 - 1]

    def test_padding_is_not_read(self):
        seen = promised(read_radius, message((1, b"a")) + b"\x2c\3x\0")
        assert (seen.result, seen.texts[:2]) == (REQUEST, [b"a", None])

    def test_cut_by_the_capture(self):
        octets = message((1, b"bob"), (6, u32(2)), (44, b"17-a"))
        for size in range(len(octets)):
            seen = promised(read_radius, octets[:size])
            assert seen.result == (REQUEST if size >= 20 else NOT_RADIUS)
            assert seen.texts[:2] == [b"bob" if size >= 25 else None, None]
            assert seen.numbers[1] == (2 if size >= 31 else None)

    @pytest.mark.parametrize(
        "octets",
        [
            b"",
            message()[:19],
            message(length=19),
            message(length=4097),
            message((1, b"a"), b"\6\1"),
            message((1, b"a"), b"\6\0"),
            message((1, b"a"), b"\6"),
            message((1, b"a"), b"\6\7\0\0\0\0"),
            b"\1" * 300,
        ],
    )
    def test_refused(self, octets):
        assert promised(read_radius, octets).result == NOT_RADIUS


class TestFixturesOfKprobe:
    def read(self, captures, name):
        return [read(read_radius, octets) for octets in payloads(captures / f"kprobe/{name}.pcap")]

    def test_accounting_starts(self, captures):
        request, reply = self.read(captures, "radius-acct-start")
        assert (request.result, reply.result) == (REQUEST, REPLY)
        assert request.numbers == [4, None, number_of("10.1.2.3"), 0, None, 1]
        assert (request.texts[0], reply.numbers[0]) == (b"bob", 5)
        assert request.x.ident == reply.x.ident

    def test_accounting_stops(self, captures):
        request, reply = self.read(captures, "radius-acct-stop")
        assert (request.numbers[0], request.texts[0], request.numbers[5]) == (4, b"bob", 2)
        assert reply.numbers[0] == 5

    def test_access(self, captures):
        seen = self.read(captures, "radius-auth-req")
        assert [one.numbers[0] for one in seen] == [1, 11, 1, 2]
        assert [one.result for one in seen] == [REQUEST, REPLY, REQUEST, REPLY]
        assert {one.texts[0] for one in seen if one.numbers[0] != 11} == {b"John.McGuirk"}
        assert {one.numbers[1] for one in seen} == {2}
        assert {one.numbers[2] for one in seen if one.result == REPLY} == {number_of("255.255.255.254")}


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_CAPTURES)
def test_captures_as_tshark_reads_them(captures, name):
    numbers = {1: "radius.Service_Type", 4: "radius.Framed_Protocol", 5: "radius.Acct_Status_Type"}
    addresses = {2: "radius.Framed-IP-Address", 3: "radius.Framed_IP_Netmask"}
    names = {0: "radius.User_Name", 1: "radius.Acct_Session_Id"}
    fields = ("radius.code", "radius.id", *numbers.values(), *addresses.values(), *names.values())
    found = messages(captures / name, "radius", *fields)
    assert len(found) >= IN_CAPTURES[name]
    for octets, said in found:
        seen = promised(read_radius, octets)
        assert [str(seen.numbers[0])] == said["radius.code"]
        assert [str(seen.x.ident)] == said["radius.id"]
        ours = {field: seen.numbers[cell] and str(seen.numbers[cell]) for cell, field in numbers.items()}
        ours |= {
            field: str(ipaddress.IPv4Address(seen.numbers[cell])) if seen.numbers[cell] else None
            for cell, field in addresses.items()
        }
        ours |= {field: seen.texts[cell] and text(seen.texts[cell]) for cell, field in names.items()}
        for field, value in ours.items():
            if value and "\\" in value:
                continue  # tshark leaves control characters of these fields as they are
            assert value == (said[field][0] if said[field] else None), field


ATTRIBUTES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([1, 6, 7, 8, 9, 40, 44, 26]), st.binary(max_size=8)),
        st.tuples(st.sampled_from([6, 7, 8, 9, 40]), st.binary(min_size=4, max_size=4)),
    ),
    max_size=8,
)


@given(ATTRIBUTES, st.sampled_from([*REQUESTS, *REPLIES]), st.integers(-9, 9), st.binary(max_size=9))
def test_any_attributes(attributes, code, off, behind):
    whole = message(*attributes, code=code)
    target(message(*attributes, code=code, length=len(whole) + off) + behind)


@given(st.binary(max_size=120))
@example(b"")
def test_any_bytes(data):
    target(data)
