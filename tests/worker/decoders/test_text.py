"""Octets as people write them, against ipaddress and Python's own words for control characters."""

import ipaddress

from hypothesis import example, given
from hypothesis import strategies as st

from tests.worker.decoders.rig import promised
from worker.decoders.cells import end_text
from worker.decoders.text import put_ipv4, put_ipv6, put_mac, put_printable
from worker.jit import inlined

FEW_ZEROS = st.lists(st.sampled_from([0, 0, 0, 1, 0x20, 0xFFFF, 0xABC]), min_size=8, max_size=8)
LETTERS = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r"}


@inlined
def write_ipv6(buf, at, end, x, out):
    put_ipv6(out, x, buf, at)
    end_text(x, 0, 0)
    return 1


@inlined
def write_ipv4(buf, at, end, x, out):
    put_ipv4(out, x, buf, at)
    end_text(x, 0, 0)
    return 1


@inlined
def write_mac(buf, at, end, x, out):
    put_mac(out, x, buf, at)
    end_text(x, 0, 0)
    return 1


@inlined
def write_printable(buf, at, end, x, out):
    put_printable(out, x, buf, at, end)
    end_text(x, 0, 0)
    return 1


def written(decoder, octets):
    return promised(decoder, octets).texts[0].decode()


def rfc5952(octets):
    address = ipaddress.IPv6Address(octets)
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else address.compressed


@given(FEW_ZEROS)
@example([0] * 8)
@example([1, 0, 0, 0, 0, 0, 0, 1])
@example([1, 0, 0, 2, 0, 0, 3, 4])
@example([1, 0, 2, 3, 4, 5, 6, 7])
@example([0, 0, 0, 0, 0, 0xFFFF, 0x0A00, 1])
@example([0x2404, 0x6800, 0x4004, 0x809, 0, 0, 0, 0x200E])
def test_ipv6(groups):
    octets = b"".join(group.to_bytes(2, "big") for group in groups)
    assert written(write_ipv6, octets) == rfc5952(octets)


@given(st.binary(min_size=16, max_size=16))
def test_any_ipv6(octets):
    assert written(write_ipv6, octets) == rfc5952(octets)


@given(st.binary(min_size=4, max_size=4))
def test_ipv4(octets):
    assert written(write_ipv4, octets) == str(ipaddress.IPv4Address(octets))


@given(st.binary(min_size=6, max_size=6))
def test_mac(octets):
    assert written(write_mac, octets) == octets.hex(":")


@given(st.text(max_size=40))
@example("\a\b\t\n\v\f\r\0\x1b\x7f \\käse")
def test_control_characters_are_escaped(given_text):
    said = "".join(
        char if char >= " " and char != "\x7f" else f"\\{LETTERS.get(ord(char), f'{ord(char):03o}')}"
        for char in given_text
    )
    assert written(write_printable, given_text.encode()) == said
