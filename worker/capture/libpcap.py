"""libpcap by pcapy-ng: the portable live source, and the second opinion on the ring (step 1 and 2).

The handle lives in the worker, so its batches die with it: what was in hand is lost and counted, and the ring is the
default.
"""

import select
from typing import Any

import numpy as np
import pcapy
from numba import types

from worker.capture.passing import Passing
from worker.decode_link import IN, OUT
from worker.jit import kernel
from worker.layout import BUFFER_TYPE, FRAMES_TYPE
from worker.octets import Int, Octets, be16, be32

BATCH_PACKETS = 1024
BUFFER_BYTES = 32 << 20
TIMEOUT_MS = 10
META_TYPE = types.Array(types.uint32, 2, "C", readonly=True)
REFUSALS = {
    -5: "no such device",
    -8: "no permission to capture",
    -9: "the interface is not up",
    -1: "libpcap failed",
}


class RefusedError(Exception):
    """libpcap would not open the interface; the text is its own word."""


@kernel(types.int64(BUFFER_TYPE, META_TYPE, types.int64, types.int64, types.int64, FRAMES_TYPE))
def walk_batch(buf: Octets, meta: Any, start: Int, link: Int, mac: Int, frames: Any) -> Int:
    """Fill frames from a batch's (sec, usec, offset, captured) rows from `start` on; returns how many."""
    count = min(len(frames), len(meta) - start)
    for i in range(count):
        frame, row = frames[i], start + i
        frame.time_ns = np.int64(meta[row, 0]) * 1_000_000_000 + np.int64(meta[row, 1]) * 1000
        frame.at = np.int64(meta[row, 2])
        frame.end = frame.at + np.int64(meta[row, 3])
        frame.length = frame.end - frame.at
        frame.next = row + 1
        frame.link = link
        frame.direction = 0
        if link == 1 and frame.length >= 12:
            if be32(buf, frame.at) << 16 | be16(buf, frame.at + 4) == mac:
                frame.direction = IN
            elif be16(buf, frame.at + 6) << 32 | be32(buf, frame.at + 8) == mac:
                frame.direction = OUT
        frame.tags = 0
        frame.vlan = 0
        frame.inner_vlan = 0
    return count


class LibpcapSource:
    """One interface through libpcap. RefusedError with libpcap's reason."""

    def __init__(
        self, interface: str, expression: str, snaplen: int, mac: int, words: Any, *, promisc: bool
    ) -> None:
        handle = pcapy.create(interface)
        handle.set_snaplen(snaplen)
        handle.set_promisc(promisc)
        handle.set_buffer_size(BUFFER_BYTES)
        handle.set_timeout(TIMEOUT_MS)
        refused = handle.activate()
        if refused < 0:
            raise RefusedError(REFUSALS.get(refused, f"libpcap says {refused}"))
        if expression:
            try:
                handle.setfilter(expression)
            except pcapy.PcapError as error:
                raise RefusedError(str(error)) from error
        handle.setnonblock(1)
        self._handle, self._mac, self._link = handle, mac, handle.datalink()
        self._poll = select.poll()
        self._poll.register(handle.getfd(), select.POLLIN)
        self._dropped = self._taken = 0
        self._passing = Passing(interface, words)
        self.ended = False
        self.is_pressed = False  # libpcap does not say
        self.buf: Any = np.zeros(0, np.uint8)
        self._meta: Any = np.zeros((0, 4), np.uint32)
        self._at = 0

    def take(self, frames: Any) -> int:
        """The next packets of the batch in hand, or of the next batch."""
        if self._at == len(self._meta):
            data, meta = self._handle.next_batch(BATCH_PACKETS)
            self.buf = np.frombuffer(data, np.uint8)
            self._meta = np.frombuffer(meta, np.uint32).reshape(-1, 4)
            self._at = 0
        count = int(walk_batch(self.buf, self._meta, self._at, self._link, self._mac, frames))
        self._at += count
        self._taken += count
        return count

    def wait(self, seconds: float) -> None:
        """Sleep until libpcap's socket has packets."""
        if self._at == len(self._meta):
            self._poll.poll(seconds * 1000)

    def done(self) -> None:
        """Batches are our own memory."""

    def kernel_drops(self) -> int:
        """Difference of libpcap's cumulative count."""
        received, dropped, _interface = self._handle.stats()
        self._passing.note(max(received - dropped - self._taken, 0))
        new, self._dropped = dropped - self._dropped, dropped
        return int(new)
