"""Framing on the batch and acknowledgement pipes, without I/O: bytes in, messages out (step 8 and 9).

A message is HEADER (mark, payload length, epoch, number of its first record, records) and a msgpack payload.
Records of one flow table (epoch) are numbered from 0 without gaps, as RFC 7011 section 3.1 numbers data
records: overlap is a duplicate, a jump is a loss, and both are counted exactly.
An acknowledgement is ACK: epoch and the number of the next record expected; it is cumulative.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEADER = struct.Struct("=4sIQQI")
ACK = struct.Struct("=QQ")
MARK = b"FHB1"
PAYLOAD_LIMIT_BYTES = 16 << 20


class WireError(Exception):
    """The pipe is out of step: the reader gives it up and asks for fresh pipes."""


@dataclass(frozen=True, slots=True)
class Message:
    """One framed batch; `payload` is msgpack (shared/record.py)."""

    epoch: int
    first: int
    records: int
    payload: bytes


def header(epoch: int, first: int, records: int, payload_bytes: int) -> bytes:
    """What goes down the pipe before a payload."""
    return HEADER.pack(MARK, payload_bytes, epoch, first, records)


def frame(epoch: int, first: int, records: int, payload: bytes) -> bytes:
    """Header and payload as they go down the pipe."""
    return header(epoch, first, records, len(payload)) + payload


class Reader:
    """Cuts a byte stream into messages, whatever the pieces it comes in."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[Message]:
        """Take `data`; yield each message it completes. WireError when the stream is out of step."""
        self._bytes += data
        while (message := self._cut()) is not None:
            yield message

    def _cut(self) -> Message | None:
        if len(self._bytes) < HEADER.size:
            return None
        mark, length, epoch, first, records = HEADER.unpack_from(self._bytes)
        if mark != MARK or length > PAYLOAD_LIMIT_BYTES:
            raise WireError(f"batch pipe out of step: mark {mark!r}, length {length}")
        end = HEADER.size + length
        if len(self._bytes) < end:
            return None
        payload = bytes(memoryview(self._bytes)[HEADER.size : end])
        del self._bytes[:end]
        return Message(epoch, first, records, payload)


class AckReader:
    """Cuts the acknowledgement pipe's bytes into (epoch, next record expected)."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Take `data`; yield each whole acknowledgement."""
        self._bytes += data
        whole = len(self._bytes) - len(self._bytes) % ACK.size
        cut, self._bytes = self._bytes[:whole], self._bytes[whole:]
        yield from ACK.iter_unpack(cut)
