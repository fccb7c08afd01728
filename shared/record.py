"""The batch of flow records on the pipe and in the spool: structured rows as msgpack `bin`, constants beside them."""

import zlib
from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np

from shared.elements import ELEMENTS, Element

_NUMPY = {
    "u8": "u1",
    "u16": "u2",
    "u32": "u4",
    "u64": "u8",
    "time_ns": "u8",
    "mac": "u8",
    "direction": "u1",
    "end_reason": "u1",
}


def _columns(element: Element) -> list[tuple[str, str]]:
    if element.kind == "address":
        return [(f"{element.name}_head", "u8"), (f"{element.name}_tail", "u8")]
    return [(element.name, _NUMPY[element.kind])]


def _row_dtype() -> np.dtype[np.void]:
    columns = [column for element in ELEMENTS if element.scope == "row" for column in _columns(element)]
    columns.sort(key=lambda column: -np.dtype(column[1]).itemsize)
    return np.dtype(columns, align=True)


# One row of a batch. Addresses are two words in memory order: 16 octets, an IPv4 address in the last four.
ROW = _row_dtype()
SCHEMA = zlib.crc32(repr(ROW.descr).encode())

Rows = np.ndarray[tuple[int], np.dtype[np.void]]


class SchemaError(Exception):
    """A batch written by a flowherd with other columns."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows (shape (n,), dtype ROW) of one interface; `counters` is the worker's page at that moment."""

    interface: str
    ifindex: int
    sample_rate: int
    rows: Rows
    counters: dict[str, int] = field(default_factory=dict)
    strings: list[str] = field(default_factory=list)


def pack(batch: Batch) -> bytes:
    """The msgpack payload of a message."""
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "interface": batch.interface,
        "ifindex": batch.ifindex,
        "sample_rate": batch.sample_rate,
        "counters": batch.counters,
        "strings": batch.strings,
        "rows": batch.rows.tobytes(),
    }
    return msgpack.packb(fields)


def unpack(payload: bytes) -> Batch:
    """The batch in a payload, rows not copied. SchemaError when its columns are not ours."""
    fields = msgpack.unpackb(payload)
    if fields["schema"] != SCHEMA:
        raise SchemaError(f"schema {fields['schema']:#010x}, this flowherd writes {SCHEMA:#010x}")
    rows = np.frombuffer(fields["rows"], ROW)
    return Batch(
        fields["interface"],
        fields["ifindex"],
        fields["sample_rate"],
        rows,
        fields["counters"],
        fields["strings"],
    )


def octets(rows: Rows, name: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The address column `name` as 16 octets a row, shape (n, 16); an IPv4 address is in the last four."""
    words = np.empty((len(rows), 2), np.uint64)
    words[:, 0], words[:, 1] = rows[f"{name}_head"], rows[f"{name}_tail"]
    return words.view(np.uint8)
