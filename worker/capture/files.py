"""Capture files read through a window and walked in it: pcap, pcapng, either of them in gzip or zstd (step 1 and 2).

The window is as large as the second-level cache: reading into it is five times cheaper than walking a mapping,
where each record's header is a cache miss that waits for the one before (docs/adr/0002).
"""

from typing import Any, BinaryIO

import numpy as np

from worker.capture.compressed import CompressedError, members
from worker.capture.pcap import CUT, GOOD, MAGICS, PACKET_LIMIT_BYTES, TOO_LONG, read_format, walk_pcap
from worker.capture.pcapng import BLOCK_LIMIT_BYTES, DESCRIPTION, Section, walk_pcapng
from worker.layout import new_frames

PCAPNG = b"\x0a\x0d\x0d\x0a"
WINDOW_BYTES = 512 << 10  # more than BLOCK_LIMIT_BYTES
HEAD_BYTES = 24


class CaptureError(Exception):
    """The file is no capture file, or not to be read; the text says why."""


def new_window() -> memoryview:
    """Memory of a window, for one file after the other: fresh memory costs as much as reading a small file."""
    return memoryview(bytearray(WINDOW_BYTES))


class Window:
    """The part of a byte stream in hand: `buf[:size]`, which begins at byte `base` of the stream."""

    def __init__(self, file: BinaryIO, memory: memoryview) -> None:
        self._file, self._members = file, members(file)
        self._memory = memory
        self.buf = np.frombuffer(self._memory, np.uint8)
        self.buf.flags.writeable = False  # the type kernels are compiled for
        self.base = self.size = 0
        self.damage: str | None = None

    def move_to(self, at: int) -> bool:
        """Begin the window at its byte `at`, perhaps behind its end, and fill it; False when the stream had no more."""
        kept = self._memory[at : self.size].tobytes()
        self._memory[: len(kept)] = kept
        beyond, self.base, self.size = max(at - self.size, 0), self.base + at, len(kept)
        while beyond and (passed := self._read(0, min(beyond, WINDOW_BYTES))):
            beyond -= passed
        came = 0
        while self.size < WINDOW_BYTES and not beyond and (piece := self._read(self.size, WINDOW_BYTES)):
            self.size += piece
            came += piece
        return came > 0

    def _read(self, start: int, end: int) -> int:
        """Bytes that came into [start, end) of the memory; damage in compressed data ends the stream there."""
        if self.damage:
            return 0
        try:
            if self._members is None:
                return int(self._file.readinto(self._memory[start:end]) or 0)  # type: ignore[attr-defined]
            piece = self._members.read(end - start)
        except CompressedError as error:
            self.damage = str(error)
            return 0
        except OSError as error:
            self.damage = f"reading stopped: {error.strerror}"
            return 0
        self._memory[start : start + len(piece)] = piece
        return len(piece)


class FileSource:
    """One capture file as a source; `position` is where a dead worker stopped (0: from the start)."""

    def __init__(self, file: BinaryIO, position: int = 0, memory: memoryview | None = None) -> None:
        file.seek(0)  # the descriptor's place is shared with a worker that died
        self.packets = 0
        self.ended = False
        self.is_pressed = False  # a file waits
        try:
            self._window = Window(file, memory or new_window())
        except CompressedError as error:
            raise CaptureError(str(error)) from error
        except OSError as error:
            raise CaptureError(error.strerror or str(error)) from error
        self.buf = self._window.buf
        self._window.move_to(0)
        self.damage = self._window.damage
        head = bytes(self.buf[: min(HEAD_BYTES, self._window.size)])
        self._format = read_format(head)
        if self._format is None and head[:4] != PCAPNG:
            raise CaptureError(self._not_a_capture(head))
        self._section = Section()
        self._at = self._format.start if self._format else 0
        self._skip_to(position)

    def _not_a_capture(self, head: bytes) -> str:
        if self.damage:
            return self.damage
        if not head:
            return "the file is empty"
        if len(head) < HEAD_BYTES and any(magic.startswith(head[:4]) for magic in (*MAGICS, PCAPNG)):
            return "the file ends inside its header"
        return "this is no pcap or pcapng file"

    def _skip_to(self, position: int) -> None:
        """Read again, without metering, what a dead worker had done."""
        frames, window = new_frames(), self._window
        while window.base + self._at < position and not self.ended:
            # A block never goes beyond the window in hand, or the next one if that was at its end.
            whole = window.base + window.size + WINDOW_BYTES <= position
            self.take(frames if whole else frames[:1])

    def take(self, frames: Any) -> int:
        """The next packets; at the end or at damage, none, and `ended`."""
        while not self.ended:
            count, wrong = self._walk(frames)
            self.packets += count
            if count:
                return count
            if wrong == DESCRIPTION:
                wrong = self._describe()
            if wrong in (GOOD, CUT):
                self._go_on(wrong)
            else:
                self._stop(wrong)
        return 0

    def _walk(self, frames: Any) -> tuple[int, int]:
        window, section = self._window, self._section
        place = (self.buf, self._at, window.size, window.base)
        if self._format:
            count, self._at, wrong = walk_pcap(*place, self._format, frames)
        else:
            count, self._at, wrong = walk_pcapng(*place, section.swapped, section.interfaces, frames)
        return int(count), int(wrong)

    def _go_on(self, wrong: int) -> None:
        """More of the file, when what is in hand does not reach for the next packet."""
        if wrong == GOOD and self._at < self._window.size:
            return
        left = self._window.size - self._at
        grown = self._window.move_to(self._at)
        self._at = 0
        if not grown:
            self._stop(GOOD if left == 0 else CUT)

    def _describe(self) -> int:
        """A section header or interface description; GOOD, CUT (not all of it in hand) or DESCRIPTION (nonsense)."""
        block = bytes(self.buf[self._at : min(self._at + BLOCK_LIMIT_BYTES, self._window.size)])
        swapped = bool(self._section.swapped)
        if block[:4] == PCAPNG:
            swapped = block[8:12] == b"\x1a\x2b\x3c\x4d"
        length = int.from_bytes(block[4:8], "big" if swapped else "little")
        if not 12 <= length <= BLOCK_LIMIT_BYTES:
            return DESCRIPTION
        if length > len(block):
            return CUT
        if not self._section.describe(block[:length]):
            return DESCRIPTION
        self._at += (length + 3) // 4 * 4
        return GOOD

    def _stop(self, wrong: int) -> None:
        self.ended = True
        place = self._window.base + self._at
        self.damage = self._window.damage
        if wrong == CUT:
            self.damage = self.damage or f"the file ends inside a packet, at byte {place}"
        elif wrong == TOO_LONG:
            self.damage = f"damaged at byte {place}: a packet longer than {PACKET_LIMIT_BYTES} bytes"
        elif wrong != GOOD:
            self.damage = f"damaged at byte {place}: a block that makes no sense"

    def wait(self, seconds: float) -> None:
        """Files never make anyone wait."""

    def done(self) -> None:
        """The window moves with the next `take`."""

    def kernel_drops(self) -> int:
        """Files lose nothing."""
        return 0
