"""Kernel: walk the blocks of a mapped pcapng file: many sections, interfaces, time units and link types (step 2).

draft-ietf-opsawg-pcapng. The kernel stops at section headers and interface descriptions, which Python reads.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import types

from worker.capture.pcap import CUT, GOOD, PACKET_LIMIT_BYTES, TOO_LONG
from worker.jit import inlined, kernel
from worker.layout import BUFFER_TYPE, FRAMES_TYPE
from worker.octets import Int, Octets, either16, either32

SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
DESCRIPTION, MALFORMED = 3, 4
NO_TIME = 0
LATEST_NS = (1 << 32) * 1_000_000_000  # as far as pcap's seconds reach; a record's times must fit 63 bits
OPTION_TSRESOL, OPTION_TSOFFSET = 9, 14
INTERFACES_LIMIT = 65536
BLOCK_LIMIT_BYTES = PACKET_LIMIT_BYTES + 65536
LINK, UNITS, OFFSET_NS, SNAPLEN = 0, 1, 2, 3


@dataclass
class Section:
    """Byte order and interfaces of the section the walk is in; `interfaces` is (n, 4) int64."""

    swapped: int = 0
    interfaces: Any = field(default_factory=lambda: np.zeros((0, 4), np.int64))

    def describe(self, block: bytes) -> bool:
        """Take a section header or interface description; False when it makes no sense."""
        if len(block) < 16:
            return False
        if block[:4] == b"\x0a\x0d\x0d\x0a":
            self.swapped = int(block[8:12] == b"\x1a\x2b\x3c\x4d")
            self.interfaces = np.zeros((0, 4), np.int64)
            return block[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a")
        order = ">" if self.swapped else "<"
        link, snaplen = struct.unpack_from(f"{order}HxxI", block, 8)
        units, offset_ns = 1_000_000, 0
        for code, value in options(block[16:-4], order):
            if code == OPTION_TSRESOL and value:
                units = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
            elif code == OPTION_TSOFFSET and len(value) == 8:
                offset_ns = struct.unpack(f"{order}q", value)[0] * 10**9
        if units > 10**18 or abs(offset_ns) > 2**62 or len(self.interfaces) >= INTERFACES_LIMIT:
            return False
        row = np.array([[link, units, offset_ns, snaplen]], np.int64)
        self.interfaces = np.concatenate([self.interfaces, row])
        return True


def options(data: bytes, order: str) -> list[tuple[int, bytes]]:
    """(code, value) of each whole option in a block's tail."""
    found, at = [], 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from(f"{order}HH", data, at)
        if code == 0:
            break
        found.append((code, data[at + 4 : at + 4 + size]))
        at += 4 + (size + 3) // 4 * 4
    return found


@inlined
def stamp_ns(stamp: Int, units: Int, offset_ns: Int) -> Int:
    """A time stamp of `units` a second in nanoseconds since 1970; a senseless one is brought within bounds."""
    whole, part = stamp // units, stamp % units
    if stamp < 0 or whole >= 1 << 32:  # its highest bit is set, or it is after 2106
        return LATEST_NS
    if units % 1_000_000_000 == 0:
        part = part // (units // 1_000_000_000)
    else:
        while units > 1 << 33:  # a power of two: what is shifted out is less than a nanosecond
            units, part = units >> 1, part >> 1
        part = part * 1_000_000_000 // units
    return min(max(whole * 1_000_000_000 + part + offset_ns, 0), LATEST_NS)


@kernel(
    types.UniTuple(types.int64, 3)(
        BUFFER_TYPE,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        types.Array(types.int64, 2, "C"),
        FRAMES_TYPE,
    )
)
def walk_pcapng(
    buf: Octets, at: Int, size: Int, base: Int, swapped: Int, interfaces: Any, frames: Any
) -> tuple[Int, Int, Int]:
    """Fill frames from the block at `at` of the window buf[:size], which begins at byte `base` of the file.

    Returns (frames, offset of the next block in the window, GOOD, DESCRIPTION or what is wrong there).
    """
    count = 0
    while count < len(frames) and at < size:
        if at + 12 > size:
            return count, at, CUT
        kind = either32(buf, at, swapped)
        if kind == SECTION:
            return count, at, DESCRIPTION
        length = either32(buf, at + 4, swapped)
        if length < 12:
            return count, at, MALFORMED
        step = (length + 3) // 4 * 4
        if kind not in (ENHANCED_PACKET, OLD_PACKET, SIMPLE_PACKET, INTERFACE):
            at += step  # perhaps behind the window
            continue
        if length > BLOCK_LIMIT_BYTES:
            return count, at, TOO_LONG
        if at + length > size:
            return count, at, CUT
        if kind == INTERFACE:
            return count, at, DESCRIPTION
        simple = kind == SIMPLE_PACKET
        head = 12 if simple else 28
        if length < head + 4:
            return count, at, MALFORMED
        interface = 0
        if kind == ENHANCED_PACKET:
            interface = either32(buf, at + 8, swapped)
        elif kind == OLD_PACKET:
            interface = either16(buf, at + 8, swapped)
        if interface >= len(interfaces):
            return count, at, MALFORMED
        frame = frames[count]
        if simple:
            frame.length = either32(buf, at + 8, swapped)
            captured = min(frame.length, length - 16)
            if interfaces[interface, SNAPLEN] > 0:
                captured = min(captured, interfaces[interface, SNAPLEN])
            frame.time_ns = NO_TIME
        else:
            captured = either32(buf, at + 20, swapped)
            frame.length = max(either32(buf, at + 24, swapped), captured)
            stamp = either32(buf, at + 12, swapped) << 32 | either32(buf, at + 16, swapped)
            frame.time_ns = stamp_ns(stamp, interfaces[interface, UNITS], interfaces[interface, OFFSET_NS])
        if captured > PACKET_LIMIT_BYTES:
            return count, at, TOO_LONG
        if head + captured + 4 > length:
            return count, at, MALFORMED
        frame.at = at + head
        frame.end = at + head + captured
        frame.link = interfaces[interface, LINK]
        frame.next = base + at + step
        frame.direction = 0
        frame.tags = 0
        frame.vlan = 0
        frame.inner_vlan = 0
        at += step
        count += 1
    return count, at, GOOD
