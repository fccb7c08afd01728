"""Kernel: walk the records of a mapped pcap file, in every byte order and time unit (step 2)."""

from typing import Any, NamedTuple

from numba import types

from worker.jit import kernel
from worker.layout import BUFFER_TYPE, FRAMES_TYPE
from worker.octets import Int, Octets, either32

FILE_HEADER_BYTES = 24
PACKET_LIMIT_BYTES = 262_144
GOOD, CUT, TOO_LONG = 0, 1, 2


class PcapFormat(NamedTuple):
    """What the file header says: offset after it, byte order, time unit, extra record bytes, link type."""

    start: int
    swapped: int
    nanos_per_unit: int
    record_bytes: int
    link: int


MAGICS = {
    b"\xd4\xc3\xb2\xa1": (0, 1000, 16),
    b"\xa1\xb2\xc3\xd4": (1, 1000, 16),
    b"\x4d\x3c\xb2\xa1": (0, 1, 16),
    b"\xa1\xb2\x3c\x4d": (1, 1, 16),
    b"\x34\xcd\xb2\xa1": (0, 1000, 24),  # Kuznetzov's libpcap: interface index and protocol in each record
    b"\xa1\xb2\xcd\x34": (1, 1000, 24),
}


def read_format(head: bytes) -> PcapFormat | None:
    """The format of a file that begins with `head`; None when it is no pcap file."""
    magic = MAGICS.get(head[:4])
    if magic is None or len(head) < FILE_HEADER_BYTES:
        return None
    swapped, nanos, record_bytes = magic
    link = int.from_bytes(head[20:24], "big" if swapped else "little") & 0x03FFFFFF
    return PcapFormat(FILE_HEADER_BYTES, swapped, nanos, record_bytes, link)


@kernel(
    types.UniTuple(types.int64, 3)(
        BUFFER_TYPE,
        types.int64,
        types.int64,
        types.int64,
        types.NamedUniTuple(types.int64, len(PcapFormat._fields), PcapFormat),
        FRAMES_TYPE,
    )
)
def walk_pcap(
    buf: Octets, at: Int, size: Int, base: Int, form: PcapFormat, frames: Any
) -> tuple[Int, Int, Int]:
    """Fill frames from the record at `at` of the window buf[:size], which begins at byte `base` of the file.

    Returns (frames, offset of the next record in the window, GOOD or what is wrong there).
    """
    count = 0
    while count < len(frames) and at < size:
        if at + form.record_bytes > size:
            return count, at, CUT
        captured = either32(buf, at + 8, form.swapped)
        if captured > PACKET_LIMIT_BYTES:
            return count, at, TOO_LONG
        start = at + form.record_bytes
        if start + captured > size:
            return count, at, CUT
        frame = frames[count]
        frame.time_ns = either32(buf, at, form.swapped) * 1_000_000_000
        frame.time_ns += either32(buf, at + 4, form.swapped) * form.nanos_per_unit
        frame.at = start
        frame.end = start + captured
        frame.length = max(either32(buf, at + 12, form.swapped), captured)
        frame.next = base + start + captured
        frame.link = form.link
        frame.direction = 0
        frame.tags = 0
        frame.vlan = 0
        frame.inner_vlan = 0
        at = start + captured
        count += 1
    return count, at, GOOD
