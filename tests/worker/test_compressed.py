"""Compressed capture files: by each library, cut, damaged, in many members, hostile."""

import gzip
import random
import resource
import subprocess
import sys
from functools import partial

import pytest

from tests import frames, naive_files
from tests.captures import pcap
from tests.worker.rig import Bytes, Kernels, in_order, source_of
from tests.worker.test_files import ethernet, read, same
from tests.worker.trial import START_NS
from tests.zstandard import zstd
from worker.capture.compressed import OUT_BYTES, CompressedError, members
from worker.capture.files import CaptureError

LIBRARIES = ["isal", "zlib", "zstd"]
ZSTD_OPTIONS = {zstd.CompressionParameter.checksum_flag: 1}
SKIPPED = b"\x5a\x2a\x4d\x18\x05\0\0\0hello"


@pytest.fixture(params=LIBRARIES)
def pack(request, monkeypatch):
    """What packs for a library; without isal, zlib is taken."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    return partial(zstd.compress, options=ZSTD_OPTIONS) if request.param == "zstd" else gzipped


def gzipped(content, level=6):
    return gzip.compress(content, level, mtime=0)


def name_of(content):
    return "gzip" if content[:2] == b"\x1f\x8b" else "zstd"


def almost(content):
    """Read up to the damage, or to a piece before it; a sentence if there is damage."""
    expected, whole = naive_files.frames(content)
    try:
        found, damage = read(content)
    except CaptureError as error:
        found, damage = [], str(error)
    assert found == expected[: len(found)]
    assert sum(len(frame[2]) + 16 for frame in expected[len(found) :]) <= OUT_BYTES + 1500
    assert (damage is None) == whole, damage
    return found, damage


def test_a_whole_file(pack):
    packets = ethernet(6, 3000)
    found, damage = same(pack(pcap(packets)))
    assert (len(found), damage) == (3000, None)


@pytest.mark.parametrize("cut", [1, 10, 100, 1000, 5000])
def test_a_cut_file(pack, cut):
    packed = pack(pcap(ethernet(6, 200, 400)))
    _, damage = same(packed[:-cut])
    assert f"the {name_of(packed)} data is damaged: compressed file ended before" in damage


def test_a_file_cut_at_every_octet(pack):
    content = pack(pcap(ethernet(5, 6, 60)))
    for size in range(4, len(content)):
        same(content[:size])


def test_many_members(pack):
    content = pcap(ethernet(7, 2000))
    packed = [pack(content[at : at + 70_000]) for at in range(0, len(content), 70_000)]
    found, damage = same(b"".join(packed))
    assert (len(found), damage) == (2000, None)


def test_tiny_and_empty_members(pack):
    content = pcap(ethernet(7, 20, 60))
    packed = [pack(b"") + pack(content[at : at + 3]) for at in range(0, len(content), 3)]
    assert len(same(b"".join(packed))[0]) == 20


def test_flipped_bits(pack):
    """One octet changed, anywhere: what comes before is used, and nothing raises."""
    rng = random.Random(8)
    for level in range(30):
        packed = bytearray(pack(pcap(ethernet(level, 60, 200)) + bytes(30) * (level % 2)))
        packed[rng.randrange(4, len(packed))] ^= 1 << rng.randrange(8)
        almost(bytes(packed))


def test_damage_in_the_middle(pack):
    content = pcap([(time, data[:9] * 40) for time, data in ethernet(8, 6000)])
    packed = bytearray(pack(content))
    packed[len(packed) // 2 : len(packed) // 2 + 8] = b"\xff" * 8
    found, damage = almost(bytes(packed))
    assert 1000 < len(found) < 6000
    assert "damaged" in damage


def test_what_stands_behind_the_last_member(pack):
    """Zeros pad gzip files on tapes; anything else is damage, and what came before it is used."""
    packed = pack(pcap(ethernet(9, 50)))
    padded, noise = same(packed + bytes(200_000)), almost(packed + b"no member")
    assert (len(padded[0]), padded[1] is None) == (50, name_of(packed) == "gzip")
    assert (len(noise[0]), noise[1] is None) == (50, False)


def test_a_damaged_second_member_is_no_noise(pack):
    """Its magic is wrong: the file has not simply ended."""
    content = pcap(ethernet(9, 50))
    second = bytearray(pack(content[2000:]))
    second[1] ^= 0x10
    found, damage = almost(pack(content[:2000]) + bytes(second))
    assert len(found) > 0
    assert "data is damaged" in damage


@pytest.mark.parametrize("place", range(3))
def test_skippable_frames(place):
    content = pcap(ethernet(10, 50))
    frames = [zstd.compress(content[:2000]), zstd.compress(content[2000:])]
    frames.insert(place, SKIPPED)
    found, damage = same(b"".join(frames))
    assert (len(found), damage) == (50, None)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"some text, compressed as such files are", "this is no pcap or pcapng file"),
    ],
)
def test_what_is_no_capture(pack, content, sentence):
    with pytest.raises(CaptureError, match=sentence):
        source_of(pack(content))


@pytest.mark.parametrize("head", [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", SKIPPED[:5], SKIPPED + b"LZ4!"])
def test_a_head_alone(head):
    with pytest.raises(CaptureError, match=f"the {name_of(head)} data is damaged"):
        source_of(head)


def test_zstd_that_wants_too_much_memory():
    """A frame of 2 GiB window, as `zstd --long=31` makes."""
    wide = {zstd.CompressionParameter.window_log: 31, zstd.CompressionParameter.content_size_flag: 0}
    packer = zstd.ZstdCompressor(options=wide)
    with pytest.raises(CaptureError, match="further back than 128 MiB; unpack it with `zstd -d --long=31`"):
        source_of(packer.compress(pcap(ethernet(1, 9)) + bytes(9_000_000)) + packer.flush())


def test_without_a_zstd_library(monkeypatch):
    for name in ("compression", "backports"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CaptureError, match=r"pip install 'flowherd\[compressed\]'"):
        source_of(zstd.compress(pcap([])))


def test_a_bomb_is_unpacked_in_pieces(pack):
    """A gigabyte of nothing in a megabyte or less: a member's whole is never in memory."""
    nothing = pcap([]) + b"".join(pcap([(1, bytes(60_000))])[24:] for _ in range(1000))
    packed = pack(nothing[:24]) + pack(nothing[24:]) * 16
    before, source = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, members(Bytes(packed))
    size = largest = 0
    while piece := source.read(1 << 30):
        size, largest = size + len(piece), max(largest, len(piece))
    assert size == 24 + 16 * (len(nothing) - 24)
    assert largest <= OUT_BYTES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_after_damage_there_is_nothing_more(pack):
    stream = members(Bytes(pack(bytes(400)) + pack(bytes(400))[:9]))
    assert b"".join(stream.read(100) for _ in range(4)) == bytes(400)
    for _ in range(2):
        with pytest.raises(CompressedError, match="ended before"):
            stream.read(100)


def packed(content):
    return gzipped(content), zstd.compress(content), zstd.compress(content[:99]) + zstd.compress(content[99:])


def outcome(content):
    try:
        return read(content)
    except CaptureError as error:
        return [], str(error)


def test_records_are_the_same_from_compressed_files():
    rng, records = random.Random(3), []
    content = pcap([(START_NS + i * 1_000_000, data) for i, (_, data) in enumerate(frames.some(rng, 3000))])
    for form in (content, *packed(content)):
        kernels = Kernels()
        kernels.feed(source_of(form), sweeping=True)
        records.append(in_order(kernels.finish()))
    assert len(records[0]) > 100
    assert all(found == records[0] for found in records)


def test_real_captures_are_the_same_compressed(captures):
    """Every frame, and the sentence about the damage that some of them have."""
    for path in sorted(
        path for path in captures.rglob("*") if path.name.endswith((".pcap", ".pcapng", ".cap"))
    ):
        content = path.read_bytes()
        plain = outcome(content)
        assert all(outcome(form) == plain for form in packed(content)), path.name


def test_libraries_are_loaded_for_such_files_alone():
    code = (
        "import sys; from worker.capture import compressed; "
        "some = lambda: {name.partition('.')[0] for name in sys.modules} & {'isal', 'backports', 'compression'}; "
        "assert not some(), some(); compressed.load(); assert len(some()) >= 2, some()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
