"""Format of a spool file, without I/O: mark, checksum, schema and numbers, then the batch as it was sent."""

import struct
import zlib
from dataclasses import dataclass, replace
from typing import Self

import msgpack

from shared import record
from shared.wire import Message

MARK = b"FHS1"
SEAL = struct.Struct("<4sI")
HEADER = struct.Struct("<IIQQI")


class SpoolError(Exception):
    """The file is damaged, or of a flowherd with other columns."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch in the spool; `next` is the number of the record that follows its last."""

    sequence: int
    epoch: int
    next: int
    records: int
    size_bytes: int = 0
    written_ns: int = 0

    @property
    def name(self) -> str:
        """The file's name; recovery reads the entry back from it."""
        return f"{self.sequence:012d}-{self.epoch:016x}-{self.next}-{self.records}.batch"

    @classmethod
    def from_name(cls, name: str) -> Self | None:
        """The entry a file's name tells of; None when the name is not one of ours."""
        try:
            sequence, epoch, following, records = name.removesuffix(".batch").split("-")
            return cls(int(sequence), int(epoch, 16), int(following), int(records))
        except ValueError:
            return None

    def sized(self, size_bytes: int, written_ns: int) -> Self:
        """The same entry with what the file system says about it."""
        return replace(self, size_bytes=size_bytes, written_ns=written_ns)


def encode(message: Message, skip: int) -> tuple[bytes, bytes | memoryview]:
    """Head and body of the file; the first `skip` records of the payload are duplicates."""
    header = HEADER.pack(record.SCHEMA, skip, message.epoch, message.first, message.records)
    checksum = zlib.crc32(message.payload, zlib.crc32(header))
    return SEAL.pack(MARK, checksum) + header, message.payload


def decode(content: bytes) -> record.Batch:
    """The batch in a file's content. SpoolError when it is not whole."""
    body = SEAL.size + HEADER.size
    if len(content) < body:
        raise SpoolError("cut short")
    mark, checksum = SEAL.unpack_from(content)
    if mark != MARK or zlib.crc32(memoryview(content)[SEAL.size :]) != checksum:
        raise SpoolError("checksum does not match")
    _schema, skip, _epoch, _first, _records = HEADER.unpack_from(content, SEAL.size)
    try:
        batch = record.unpack(content[body:])
    except (record.SchemaError, KeyError, TypeError, ValueError, msgpack.UnpackException) as error:
        raise SpoolError(str(error)) from error
    return record.behind(batch, skip) if skip else batch
