"""Capture files: every format and byte order, window borders, and everything before any damage."""

import gzip
import random
import struct
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import frames, naive_files
from tests.captures import Pcapng, pcap
from tests.examples import examples
from tests.worker.rig import Bytes, Kernels, source_of
from tests.worker.trial import START_NS
from tests.zstandard import zstd
from worker.capture.files import WINDOW_BYTES, CaptureError, FileSource
from worker.layout import new_frames

FUZZ = examples(200)
BORDERS = [WINDOW_BYTES + step for step in (-29, -17, -16, -15, -1, 0, 1, 13)]


def ethernet(seed, count, most=1500):
    """(time_ns, frame) pairs."""
    rng = random.Random(seed)
    return [(START_NS + i * 1_234_567_000, rng.randbytes(rng.randrange(most))) for i in range(count)]


def read(content, most=1024):
    """((time_ns, link, bytes, length) of each packet, the sentence about damage)."""
    source, packets, found = source_of(content), new_frames(), []
    while not source.ended:
        count = source.take(packets[:most])
        for p in packets[:count]:
            data = source.buf[p["at"] : p["end"]].tobytes()
            found.append((int(p["time_ns"]), int(p["link"]), data, int(p["length"])))
    assert source.packets == len(found)
    return found, source.damage


def same(content, most=1024):
    """Read as the oracle reads it; the packets and the sentence."""
    expected, whole = naive_files.frames(content)
    try:
        found, damage = read(content, most)
    except CaptureError as error:
        found, damage = [], str(error)
    expected = [(time, link, data, max(length, len(data))) for time, link, data, length in expected]
    assert found == expected
    assert (damage is None) == whole, damage
    return found, damage


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("unit", "patched"), [(1, False), (1000, False), (1000, True)])
def test_pcap(order, unit, patched):
    """In nanoseconds and microseconds; Kuznetzov's format knows but the latter."""
    packets = ethernet(1, 30)
    found, damage = same(pcap(packets, order, unit, link=101, patched=patched))
    assert damage is None
    assert found == [(time, 101, data, len(data)) for time, data in packets]


def test_pcap_link_type_beside_fcs_bits():
    """The upper bits of the link field say whether frames end in a checksum."""
    assert same(pcap(ethernet(1, 1), link=0x5400_0001))[0][0][1] == 1


def test_pcap_of_cut_packets():
    assert same(pcap([(START_NS, b"abcd", 1500)]))[0] == [(START_NS, 0x1, b"abcd", 1500)]


def many_interfaces(order="<"):
    """Interfaces of every time unit, packets of three kinds, blocks nobody knows, two sections."""
    units = [None, 3, 6, 9, 0x80 | 10, 0x80 | 20, 0x80 | 32, 12]
    out = Pcapng(order).section(comment=b"first")
    for number, unit in enumerate(units):
        out.interface(link=[1, 101, 113][number % 3], resolution=unit, offset_s=[None, 0, 77, -5][number % 4])
    for number, unit in enumerate(units):
        per_second = {None: 10**6}.get(unit) or (2 ** (unit & 127) if unit & 128 else 10**unit)
        second = 1_700_000_000 if per_second <= 2**32 else 17
        stamp = second * per_second + per_second * 7 // 9
        out.enhanced(number, stamp, bytes([number]) * (number + 1), 100).block(0xBAD, b"unknown")
        out.old(number, stamp, b"old")
    out.simple(b"simple").block(5, bytes(20)).block(4, b"")
    return out


@pytest.mark.parametrize("order", "<>")
def test_pcapng_of_many_interfaces_units_and_sections(order):
    out = many_interfaces(order)
    out.section(order="<" if order == ">" else ">").interface(link=104).enhanced(
        0, 1_600_000_000 * 10**6, b"x"
    )
    found, damage = same(bytes(out))
    assert damage is None
    assert found[-1] == (1_600_000_000 * 10**9, 104, b"x", 1)
    assert [len(data) for _, _, data, _ in found if data[:3] == b"old"] == [3] * 8
    assert {1, 101, 104, 113} == {link for _, link, _, _ in found}


@pytest.mark.parametrize("bits", range(34, 60, 5))
def test_pcapng_of_binary_units_finer_than_nanoseconds(bits):
    """To within the nanosecond that plain integers lose."""
    stamp = (7 << bits) + (1 << bits) * 7 // 9
    (found,), _ = read(bytes(Pcapng().section().interface(resolution=0x80 | bits).enhanced(0, stamp, b"x")))
    assert abs(found[0] - 7_777_777_777) <= 1


@pytest.mark.parametrize("stamp", [1 << 63, (1 << 64) - 1, 1 << 62, 2**32 * 10**6, 0])
@pytest.mark.parametrize("offset_s", [None, -(1 << 32), 1 << 32, -(1 << 62)])
def test_pcapng_times_beyond_sense_stay_within_63_bits(stamp, offset_s):
    """A record's times are BIGINT in the store: one such packet must not stop it."""
    content = Pcapng().section().interface(offset_s=offset_s).enhanced(0, stamp, b"x").enhanced(0, 5, b"y")
    try:
        found, _ = read(bytes(content))
    except CaptureError:
        return
    assert all(0 <= time <= 2**32 * 10**9 for time, *_ in found)


def test_pcapng_simple_packets_are_cut_to_the_snap_length():
    out = Pcapng().section().interface(snaplen=4).simple(b"abcdefgh", 60)
    assert same(bytes(out))[0] == [(0, 1, b"abcd", 60)]


@pytest.mark.parametrize("block", ["enhanced", "old", "simple"])
def test_pcapng_packet_of_an_interface_nobody_described(block):
    out = Pcapng().section().interface().enhanced(0, 1, b"good")
    if block == "simple":
        out.section().simple(b"bad")
    else:
        getattr(out, block)(1, 1, b"bad")
    found, damage = same(bytes(out))
    assert len(found) == 1
    assert "makes no sense" in damage


@pytest.mark.parametrize("most", [1, 7, 1024])
@pytest.mark.parametrize("first", BORDERS)
def test_records_across_the_window(first, most):
    """A record that begins, or whose header lies, just before the end of the window."""
    sizes = [200_000, 200_000, first - 24 - 3 * 16 - 400_000]
    packets = [(START_NS, bytes(size)) for size in sizes] + ethernet(3, 2000, 400)
    found, damage = same(pcap(packets), most)
    assert len(found) == 2003
    assert damage is None


@pytest.mark.parametrize("first", BORDERS)
def test_blocks_across_the_window(first):
    out = Pcapng().section().interface()
    room = first - len(bytes(out))
    for size in (room // 3, room // 3, room // 4):
        out.enhanced(0, 1, bytes(size - size % 4))
    for number in range(3000):
        out.enhanced(0, number, bytes(number % 400))
    found, damage = same(bytes(out))
    assert len(found) == 3003
    assert damage is None


@pytest.mark.parametrize("size", [WINDOW_BYTES - 12, WINDOW_BYTES, 3 * WINDOW_BYTES + 5])
@pytest.mark.parametrize("pack", [bytes, partial(gzip.compress, mtime=0), zstd.compress])
def test_unknown_blocks_larger_than_the_window(size, pack):
    """Name resolution and secrets blocks may be of any size: they are passed, in compressed files too."""
    out = Pcapng().section().interface().enhanced(0, 1, b"before")
    content = bytes(out.block(10, bytes(size)).enhanced(0, 2, b"after"))
    found, damage = same(pack(content))
    assert [data for _, _, data, _ in found] == [b"before", b"after"]
    assert damage is None


@pytest.mark.parametrize("kind", [0x0A0D0D0A, 1])
def test_descriptions_across_the_window(kind):
    """A section or interface that begins in one window and ends in the next."""
    out = Pcapng().section().interface()
    out.block(0xBAD, bytes(WINDOW_BYTES - len(bytes(out)) - 12 - 20))
    out.section(order=">") if kind != 1 else out
    out.interface(link=113).enhanced(0 if kind != 1 else 1, 9, b"x")
    found, damage = same(bytes(out))
    assert (found[0][1], found[0][2], damage) == (113, b"x", None)


@pytest.mark.parametrize("make", [lambda: pcap(ethernet(5, 6, 60)), lambda: bytes(many_interfaces())])
def test_files_cut_at_every_byte(make):
    """Everything before the damage, and a sentence unless the cut falls between two packets."""
    content = make()
    for size in range(len(content)):
        same(content[:size])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"\xd4\xc3", "the file ends inside its header"),
        (pcap([])[:23], "the file ends inside its header"),
        (b"hello, world, this is no capture", "this is no pcap or pcapng file"),
    ],
)
def test_what_is_no_capture(content, sentence):
    with pytest.raises(CaptureError, match=sentence):
        source_of(content)


def test_an_empty_capture():
    assert same(pcap([])) == ([], None)
    assert same(bytes(Pcapng().section())) == ([], None)


@pytest.mark.parametrize("captured", [262_145, 1 << 31, 0xFFFFFFFF])
def test_a_packet_longer_than_any(captured):
    content = pcap(ethernet(9, 3)) + struct.pack("<IIII", 1, 1, captured, captured) + bytes(300_000)
    found, damage = same(content)
    assert len(found) == 3
    assert "longer than" in damage


def test_largest_packets():
    packets = [(START_NS, bytes([n]) * 262_144) for n in range(5)]
    assert len(same(pcap(packets))[0]) == 5


@FUZZ
@given(st.integers(0, 2**32), st.data())
def test_damaged_anywhere(seed, data):
    """Bytes changed at random: what comes before is read, and nothing raises."""
    content = bytearray(bytes(many_interfaces()) if seed % 2 else pcap(ethernet(seed, 20, 100)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        source = source_of(bytes(content))
    except CaptureError:
        return
    packets, found = new_frames(), 0
    while not source.ended:
        found += source.take(packets)
    assert found == source.packets


@pytest.mark.parametrize("stop", [1, 5, 63, 64, 200])
def test_a_successor_goes_on_at_the_packet_after(stop):
    """The cursor of a dead worker, in a plain and in a compressed file."""
    rng = random.Random(1)
    found = [(START_NS + i, data) for i, (_, data) in enumerate(frames.some(rng, 400))]
    for content in (pcap(found), gzip.compress(pcap(found)), zstd.compress(pcap(found))):
        packets = new_frames()
        first = source_of(content)
        first.take(packets[:stop])
        later = FileSource(Bytes(content), int(packets[stop - 1]["next"]))
        kernels = Kernels()
        kernels.feed(later)
        assert kernels["packets_received"] == len(found) - stop
        assert kernels["cursor_offset"] == len(pcap(found))


def test_buffers_are_read_only_to_kernels_by_type():
    """No kernel may write into a frame."""
    from worker.layout import BUFFER_TYPE

    assert not BUFFER_TYPE.mutable
    assert source_of(pcap([])).buf.dtype == np.uint8
