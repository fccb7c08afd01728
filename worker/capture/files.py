"""Capture files, mapped and walked in place: pcap, pcapng, and either of them in gzip (step 1 and 2)."""

import mmap
import os
import tempfile
import zlib
from typing import Any, BinaryIO

import numpy as np

from worker.capture.pcap import CUT, GOOD, PACKET_LIMIT_BYTES, TOO_LONG, PcapFormat, read_format, walk_pcap
from worker.capture.pcapng import DESCRIPTION, Section, walk_pcapng

GZIP, PCAPNG = b"\x1f\x8b", b"\x0a\x0d\x0d\x0a"
PIECE_BYTES = 1 << 20


class CaptureError(Exception):
    """The file is no capture file, or not to be read; the text says why."""


def unpack(file: BinaryIO) -> tuple[BinaryIO, str | None]:
    """A gzip file as an unlinked temporary file, and what was wrong with it: all before the damage is kept."""
    plain = tempfile.TemporaryFile()  # noqa: SIM115 - the caller maps and closes it
    decoder, damage = zlib.decompressobj(wbits=31), None
    try:
        while piece := file.read(PIECE_BYTES):
            plain.write(decoder.decompress(piece))
            while decoder.eof and decoder.unused_data[:2] == GZIP:
                rest, decoder = decoder.unused_data, zlib.decompressobj(wbits=31)
                plain.write(decoder.decompress(rest))
        if not decoder.eof:
            damage = "the gzip file ends too early"
    except zlib.error as error:
        damage = f"the gzip data is damaged ({error})"
    plain.flush()
    return plain, damage


class FileSource:
    """One capture file as a source; `position` is where a worker's predecessor stopped."""

    def __init__(self, file: BinaryIO, position: int = 0) -> None:
        self.damage: str | None = None
        self.packets = 0
        self.ended = False
        head = self._head(file)
        if head[:2] == GZIP:
            file, self.damage = unpack(file)
            head = self._head(file)
        self._format = read_format(head)
        if self._format is None and head[:4] != PCAPNG:
            raise CaptureError(self._not_a_capture(head))
        self._file = file
        self._memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._memory.madvise(mmap.MADV_SEQUENTIAL)
        self.buf = np.frombuffer(self._memory, np.uint8)
        self._section = Section()
        self._at = self._format.start if self._format else 0
        self._skip_to(position)

    @staticmethod
    def _head(file: BinaryIO) -> bytes:
        try:
            return os.pread(file.fileno(), 24, 0)
        except OSError as error:
            raise CaptureError(error.strerror or str(error)) from error

    def _not_a_capture(self, head: bytes) -> str:
        if not head:
            return self.damage or "the file is empty"
        if len(head) < 24 and any(head.startswith(start[: len(head)]) for start in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4")):
            return "the file ends inside its header"
        return "this is no pcap or pcapng file"

    def _skip_to(self, position: int) -> None:
        """Read a pcapng file's descriptions again up to `position`; a pcap file needs none."""
        if self._format:
            self._at = max(self._at, position)
            return
        from worker.layout import new_packets

        packets = new_packets()
        while self._at < position and not self.ended:
            self.take(packets[:1])

    def take(self, packets: Any) -> int:
        """The next packets; at the end or at damage, none, and `ended`."""
        while not self.ended:
            count, wrong = self._walk(packets)
            if wrong == DESCRIPTION:
                wrong = self._describe()
            if wrong != GOOD or (count == 0 and self._at >= len(self.buf)):
                self._stop(wrong)
            self.packets += count
            if count:
                return count
        return 0

    def _walk(self, packets: Any) -> tuple[int, int]:
        if self._format:
            count, self._at, wrong = walk_pcap(self.buf, self._at, self._format, packets)
        else:
            section = self._section
            count, self._at, wrong = walk_pcapng(self.buf, self._at, section.swapped, section.interfaces, packets)
        return int(count), int(wrong)

    def _describe(self) -> int:
        order = "big" if self._section.swapped else "little"
        block = self.buf[self._at :]
        if bytes(block[:4]) == PCAPNG:
            order = "big" if bytes(block[8:12]) == b"\x1a\x2b\x3c\x4d" else "little"
        length = int.from_bytes(bytes(block[4:8]), "big" if order == "big" else "little")
        if length < 12 or length > len(block):
            return CUT
        if not self._section.describe(bytes(block[:length])):
            return DESCRIPTION
        self._at += (length + 3) // 4 * 4
        return GOOD

    def _stop(self, wrong: int) -> None:
        self.ended = True
        if wrong == CUT:
            self.damage = self.damage or f"the file ends inside a packet at byte {self._at}"
        elif wrong == TOO_LONG:
            self.damage = f"damaged at byte {self._at}: a packet longer than {PACKET_LIMIT_BYTES} bytes"
        elif wrong != GOOD:
            self.damage = f"damaged at byte {self._at}: a block that makes no sense"

    def wait(self, seconds: float) -> None:
        """Files never make anyone wait."""

    def done(self) -> None:
        """The mapping stays as it is."""

    def kernel_drops(self) -> int:
        """Files lose nothing."""
        return 0

    def fileno(self) -> int:
        """Nothing to poll."""
        return -1

    def close(self) -> None:
        """Let the file go; the mapping goes with the last array that shows it."""
        self._file.close()


__all__ = ["CaptureError", "FileSource", "PcapFormat"]
