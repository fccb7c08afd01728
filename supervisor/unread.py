"""What a ring holds when nobody will read it any more: counted, so that no packet is lost unsaid.

linux/if_packet.h: tpacket_hdr_v1 (a block's head), tpacket3_hdr (a packet's).
"""

import mmap
import struct
from collections.abc import Iterator, Mapping
from itertools import islice

from supervisor.ring import Ring

USER = 1
BLOCK = struct.Struct(
    "@8xIIIIQIIII"
)  # status, packets, place of the first, length, number, first time, last time
PACKET = struct.Struct("@III")  # how far the next is, seconds, nanoseconds
NOWHERE: Mapping[str, int] = {"cursor_block": -1, "cursor_sequence": 0}


def unread(ring: Ring, words: Mapping[str, int], before_ns: int) -> int:
    """Packets in the ring behind the cursor in a table's first page, of those that came before that time."""
    size = ring.block_bytes
    with mmap.mmap(ring.sock.fileno(), ring.blocks * size, mmap.MAP_SHARED, mmap.PROT_READ) as memory:
        return sum(_in_block(memory, block, size, words, before_ns) for block in range(ring.blocks))


def _in_block(memory: mmap.mmap, block: int, size: int, words: Mapping[str, int], before_ns: int) -> int:
    start = block * size
    status, count, first, _, number, sec, nsec, *_ = BLOCK.unpack_from(memory, start)
    is_done_with = not status & USER and number <= words["cursor_sequence"]  # else the kernel is filling it
    if is_done_with or not count or sec * 10**9 + nsec >= before_ns:
        return 0
    at = start + first
    if block == words["cursor_block"] and number == words["cursor_sequence"]:
        at = max(at, words["cursor_offset"])
    times = islice(_times(memory, at, start + size), count)  # the last one of an open block points beyond it
    return sum(time_ns < before_ns for time_ns in times)


def _times(memory: mmap.mmap, at: int, end: int) -> Iterator[int]:
    """When each packet came, from the one at `at` on to the block's last."""
    while at < end:
        ahead, sec, nsec = PACKET.unpack_from(memory, at)
        yield sec * 10**9 + nsec
        at = at + ahead if ahead else end
