"""The AF_PACKET TPACKET_V3 ring, walked in place: blocks the kernel filled, given back when metered (step 1 and 2).

The supervisor opened the socket and set up the ring; it goes on filling while a worker is away. The cursor (block,
sequence number of the block, offset in the ring) is in the flow table, so a successor goes on at the same packet.
linux/if_packet.h: tpacket_block_desc, tpacket3_hdr, sockaddr_ll.
"""

import mmap
import select
import socket
import struct
from typing import Any, NamedTuple

import numpy as np
from numba import types

from shared.vitals import INDEX
from worker.decode_link import ETHERNET, RAW, direction_of
from worker.jit import inlined, kernel
from worker.jit_memory import LINE, prefetch
from worker.layout import BUFFER_TYPE, FRAMES_TYPE
from worker.octets import Int, Octets, octet

SOL_PACKET, PACKET_STATISTICS = 263, 6
TP_STATUS_KERNEL, TP_STATUS_USER = 0, 1
TP_STATUS_VLAN_VALID = 0x10
STATUS, NUM_PACKETS, FIRST_PACKET, SEQUENCE = 8, 12, 16, 24
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772
ARPHRD_BARE_IP = 512, 519, 768, 769, 776, 65534
CURSOR_BLOCK, CURSOR_OFFSET, CURSOR_SEQUENCE, IN_HAND = (
    INDEX[name] for name in ("cursor_block", "cursor_offset", "cursor_sequence", "in_hand")
)
RING = INDEX["ring"]
UNKNOWN_LINK = -1
SMALL, AHEAD = 512, 1024


@inlined
def native32(buf: Octets, at: Int) -> Int:
    """Four bytes of a header the kernel wrote, as int64 (rings exist on little-endian hosts and big-endian alike)."""
    low = octet(buf, at) | octet(buf, at + 1) << 8
    return low | octet(buf, at + 2) << 16 | octet(buf, at + 3) << 24


@inlined
def native16(buf: Octets, at: Int) -> Int:
    """Two such bytes."""
    return octet(buf, at) | octet(buf, at + 1) << 8


@inlined
def link_of(hardware: Int) -> Int:
    """Link type of a device by its ARP hardware type; tunnels and tun devices carry bare IP."""
    if hardware in (ARPHRD_ETHER, ARPHRD_LOOPBACK):
        return ETHERNET
    if hardware in ARPHRD_BARE_IP:
        return RAW
    return UNKNOWN_LINK


@inlined
def fetch_ahead(buf: Octets, at: Int, ahead: Int) -> None:
    """What another core has just written comes slowly: small packets' lines are asked for a kilobyte ahead.

    Of a large packet only the first lines are read; where the one after next begins is then the better guess.
    """
    if ahead > SMALL:
        prefetch(buf, at + ahead + ahead)
        return
    line, edge = (at & -LINE) + AHEAD, at + ahead + AHEAD
    while line < edge:
        prefetch(buf, line)
        line += LINE


@kernel(types.int64(BUFFER_TYPE, types.int64, types.int64, FRAMES_TYPE))
def walk_block(buf: Octets, at: Int, block_end: Int, frames: Any) -> Int:
    """Fill frames from the header at `at` to the last of the block; returns how many."""
    count = 0
    while count < len(frames) and at < block_end:
        frame = frames[count]
        ahead = native32(buf, at)
        fetch_ahead(buf, at, ahead)
        frame.time_ns = native32(buf, at + 4) * 1_000_000_000 + native32(buf, at + 8)
        frame.at = at + native16(buf, at + 24)
        frame.end = frame.at + native32(buf, at + 12)
        frame.length = native32(buf, at + 16)
        frame.tags = 0
        frame.vlan = 0
        frame.inner_vlan = 0
        if native32(buf, at + 20) & TP_STATUS_VLAN_VALID:  # the kernel took the outer tag out of the frame
            frame.vlan = native16(buf, at + 32) & 0x0FFF
            frame.tags = 1
        frame.link = link_of(native16(buf, at + 56))
        frame.direction = direction_of(octet(buf, at + 58))
        at = at + ahead if ahead else block_end
        frame.next = at
        count += 1
    return count


class RingOrder(NamedTuple):
    """The ring all packets go to now: its socket and geometry, and how many its interface had before."""

    descriptor: int
    block_bytes: int
    blocks: int
    number: int


class RingSource:
    """The ring of one bound socket; `words` is the flow table's first page."""

    @classmethod
    def begin(cls, order: RingOrder, words: Any) -> "RingSource":
        """At the first packet of a ring that nobody has read. A kill between the two finds the one before empty."""
        words[CURSOR_BLOCK] = words[CURSOR_OFFSET] = words[CURSOR_SEQUENCE] = words[IN_HAND] = 0
        words[RING] = order.number
        return cls(order.descriptor, order.block_bytes, order.blocks, words)

    def __init__(self, descriptor: int, block_bytes: int, blocks: int, words: Any) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._memory = mmap.mmap(
            descriptor, block_bytes * blocks, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE
        )
        self.buf = np.frombuffer(self._memory, np.uint8)
        self._headers = self.buf.view(np.uint32).reshape(blocks, block_bytes // 4)
        self.buf.flags.writeable = (
            False  # the type kernels are compiled for: another one is converted at each call
        )
        self._block_bytes, self._blocks, self._words = block_bytes, blocks, words
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN | select.POLLERR)
        self.ended = False
        self._resume()

    def _header(self, field: int) -> int:
        return int(self._headers[self._words[CURSOR_BLOCK], field // 4])

    def _sequence(self) -> int:
        block = self._words[CURSOR_BLOCK]
        return int(self._headers[block, SEQUENCE // 4 : SEQUENCE // 4 + 2].copy().view(np.uint64)[0])

    def _resume(self) -> None:
        """After a worker's death: a block metered but not given back, or given back but still under the cursor."""
        if not self._block_end() - self._block_bytes < self._words[CURSOR_OFFSET] <= self._block_end():
            self._stand_at(0)  # died between the two stores of _next_block, or never began
            return
        reused = (
            self._header(STATUS) & TP_STATUS_USER == 0 or self._sequence() != self._words[CURSOR_SEQUENCE]
        )
        if reused or self._words[CURSOR_OFFSET] == self._block_end():
            if not reused:
                self._release()
            self._next_block()

    def _block_end(self) -> int:
        return int(self._words[CURSOR_BLOCK] + 1) * self._block_bytes

    def take(self, frames: Any) -> int:
        """The next packets of the current block."""
        words = self._words
        if words[CURSOR_OFFSET] == 0:
            if not self._header(STATUS) & TP_STATUS_USER:
                return 0
            words[CURSOR_SEQUENCE] = self._sequence()
            start = int(words[CURSOR_BLOCK]) * self._block_bytes + self._header(FIRST_PACKET)
            self._stand_at(start if self._header(NUM_PACKETS) else self._block_end())
        return int(walk_block(self.buf, int(words[CURSOR_OFFSET]), self._block_end(), frames))

    @property
    def is_pressed(self) -> bool:
        """Half the ring is full."""
        ahead = (int(self._words[CURSOR_BLOCK]) + self._blocks // 2) % self._blocks
        return bool(self._headers[ahead, STATUS // 4] & TP_STATUS_USER)

    @property
    def is_empty(self) -> bool:
        """Nothing to read, and nothing in the block that the kernel is filling: it counts as it fills."""
        is_between = self._words[CURSOR_OFFSET] == 0 and not self._header(STATUS) & TP_STATUS_USER
        return is_between and self._header(NUM_PACKETS) == 0

    def done(self) -> None:
        """Give the block back once its last packet is metered."""
        if self._words[CURSOR_OFFSET] == self._block_end():
            self._release()
            self._next_block()

    def _release(self) -> None:
        self._headers[self._words[CURSOR_BLOCK], STATUS // 4] = TP_STATUS_KERNEL

    def _next_block(self) -> None:
        self._words[CURSOR_BLOCK] = (int(self._words[CURSOR_BLOCK]) + 1) % self._blocks
        self._stand_at(0)

    def _stand_at(self, offset: int) -> None:
        """The cursor, with no packet in hand: a kill here makes none uncertain."""
        self._words[CURSOR_OFFSET] = offset
        self._words[IN_HAND] = offset

    def wait(self, seconds: float) -> None:
        """Sleep until the kernel hands over a block."""
        if not self._header(STATUS) & TP_STATUS_USER:
            for _descriptor, events in self._poll.poll(seconds * 1000):
                if (
                    events & select.POLLERR
                ):  # the link was down for a moment: until it is read, no wait would wait
                    self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def close(self) -> None:
        """Let go of it; nothing of it is read after."""
        del self.buf, self._headers  # views keep a mapping
        self._memory.close()
        self._socket.close()

    def kernel_drops(self) -> int:
        """PACKET_STATISTICS, which the kernel sets to zero with each reading."""
        _packets, drops, _freezes = struct.unpack(
            "III", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)
        )
        return int(drops)
