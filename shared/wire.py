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
    payload: bytes | memoryview


def header(epoch: int, first: int, records: int, payload_bytes: int) -> bytes:
    """What goes down the pipe before a payload."""
    return HEADER.pack(MARK, payload_bytes, epoch, first, records)


def frame(epoch: int, first: int, records: int, payload: bytes) -> bytes:
    """Header and payload as they go down the pipe."""
    return header(epoch, first, records, len(payload)) + payload


class Reader:
    """Cuts a byte stream into messages, whatever the pieces it comes in; what came is copied once."""

    def __init__(self) -> None:
        self._pieces: list[bytes | memoryview] = []
        self._octets, self._wanted = 0, HEADER.size

    def feed(self, data: bytes | memoryview) -> Iterator[Message]:
        """Take `data`; yield each message it completes. WireError when the stream is out of step."""
        self._pieces.append(data)
        self._octets += len(data)
        while self._octets >= self._wanted:
            whole = memoryview(self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces))
            end, epoch, first, records = _read(whole)
            self._pieces, self._wanted = [whole], end
            if self._octets >= end:
                rest = bytes(whole[end:])
                self._pieces, self._octets, self._wanted = [rest], len(rest), HEADER.size
                yield Message(epoch, first, records, whole[HEADER.size : end])


def _read(whole: memoryview) -> tuple[int, int, int, int]:
    """A header: where its message ends, epoch, number of the first record, records."""
    mark, length, epoch, first, records = HEADER.unpack_from(whole)
    if mark != MARK or length > PAYLOAD_LIMIT_BYTES:
        raise WireError(f"batch pipe out of step: mark {mark!r}, length {length}")
    return HEADER.size + length, epoch, first, records


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
