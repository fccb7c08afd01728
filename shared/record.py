"""The batch of flow records on the pipe and in the spool: structured rows and their texts as msgpack `bin`.

A row's texts are octets of `Batch.texts`, one behind the other in the order of its text cells. `text_at` counts from
the beginning of the worker's flow table; the first row's is the place of `Batch.texts[0]`.
"""

import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import msgpack
import numpy as np

from shared.application_elements import NUMBERS, TEXTS
from shared.element import CODES
from shared.elements import ELEMENTS, NO_U16, Element

_NUMPY = {
    "u8": "u1",
    "u16": "u2",
    "u32": "u4",
    "u64": "u8",
    "time_ns": "u8",
    "mac": "u8",
    **dict.fromkeys(CODES, "u1"),
}
CELLS = [("text_at", "u8"), *((name, "u4") for name in NUMBERS), *((name, "u2") for name in TEXTS)]


def _columns(element: Element) -> list[tuple[str, str]]:
    if element.kind == "address":
        return [(f"{element.name}_head", "u8"), (f"{element.name}_tail", "u8")]
    return [(element.name, _NUMPY[element.kind])]


def _row_dtype() -> np.dtype[np.void]:
    columns = [column for element in ELEMENTS if element.scope == "row" for column in _columns(element)]
    columns += CELLS
    columns.sort(key=lambda column: -np.dtype(column[1]).itemsize)
    return np.dtype(columns, align=True)


def _meanings() -> list[tuple[str, str, list[int]]]:
    """What the cells stand for, which is part of the schema too."""
    return [(one.name, one.cell, [int(of) for of in one.protocols]) for one in ELEMENTS if one.cell]


# One row of a batch. Addresses are two words in memory order: 16 octets, an IPv4 address in the last four.
ROW = _row_dtype()
BIN32 = struct.Struct(">BI")  # msgpack: octets follow, so many
SCHEMA = zlib.crc32(repr((ROW.descr, _meanings())).encode())

Rows = np.ndarray[tuple[int], np.dtype[np.void]]
Column = np.ndarray[Any, Any]


class SchemaError(Exception):
    """A batch written by a flowherd with other columns."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows (shape (n,), dtype ROW) of one interface; `counters` is the worker's page at that moment.

    `texts`: the text ring from the first row's text_at to behind the last row's texts.
    """

    interface: str
    ifindex: int
    sample_rate: int
    rows: Rows
    counters: dict[str, int] = field(default_factory=dict)
    texts: bytes = b""


def pack(batch: Batch) -> bytes:
    """The msgpack payload of a message."""
    return b"".join(parts(batch))


def parts(batch: Batch) -> tuple[bytes, memoryview]:
    """The payload in two: what comes before the rows, and the rows' own memory, which is not copied."""
    rows = batch.rows.view(np.uint8).data
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "interface": batch.interface,
        "ifindex": batch.ifindex,
        "sample_rate": batch.sample_rate,
        "counters": batch.counters,
        "texts": batch.texts,
        "rows": None,
    }
    return msgpack.packb(fields)[:-1] + BIN32.pack(0xC6, len(rows)), rows


def unpack(payload: bytes | memoryview) -> Batch:
    """The batch in a payload, rows not copied. SchemaError when its columns are not ours."""
    fields = msgpack.unpackb(payload)
    if fields["schema"] != SCHEMA:
        raise SchemaError(f"schema {fields['schema']:#010x}, this flowherd writes {SCHEMA:#010x}")
    rows = np.frombuffer(fields["rows"], ROW)
    if not isinstance(fields["texts"], bytes):
        raise TypeError("texts are no bytes")
    return Batch(
        fields["interface"],
        fields["ifindex"],
        fields["sample_rate"],
        rows,
        fields["counters"],
        fields["texts"],
    )


class Fields(Protocol):
    """Rows, or whatever else gives a column by its name."""

    def __getitem__(self, name: str, /) -> Any:  # noqa: ANN401 - NumPy's arrays are typed so
        """One column."""


def octets(rows: Fields, name: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The address column `name` as 16 octets a row, shape (n, 16); an IPv4 address is in the last four."""
    head, tail = rows[f"{name}_head"], rows[f"{name}_tail"]
    words = np.empty((len(head), 2), np.uint64)
    words[:, 0], words[:, 1] = head, tail
    return words.view(np.uint8)


def behind(batch: Batch, skip: int) -> Batch:
    """The batch without its first `skip` rows, and without their texts."""
    rows = batch.rows[skip:]
    if not len(rows):
        return replace(batch, rows=rows, texts=b"")
    place = rows["text_at"][:1] - batch.rows["text_at"][:1]
    return replace(batch, rows=rows, texts=batch.texts[int(place[0]) :])


def texts(batch: Batch, cell: str, chosen: Column) -> list[bytes | None]:
    """The text in `cell` of each chosen row; None where it is absent, or its place lies outside the batch."""
    present, begin, length = stretches(batch, cell, chosen)
    out: list[bytes | None] = [None] * len(chosen)
    for place, one in zip(present.tolist(), pieces(batch, begin, length), strict=True):
        out[place] = one
    return out


def stretches(batch: Batch, cell: str, chosen: Column) -> tuple[Column, Column, Column]:
    """Which of the chosen rows have a text in `cell`, where in the batch's texts it begins, and its length."""
    rows, size = batch.rows, len(batch.texts)
    begin = rows["text_at"][chosen] - rows["text_at"][:1]
    lengths = rows[cell][chosen]
    is_there = (begin <= size) & (lengths != NO_U16)
    for name in TEXTS[: TEXTS.index(cell)]:
        before = rows[name][chosen]
        begin += np.where(before == NO_U16, 0, before)
    (present,) = np.nonzero(is_there & (begin + lengths <= size))
    return present, begin[present].astype(np.int64), lengths[present].astype(np.int64)


def pieces(batch: Batch, begin: Column, length: Column) -> list[bytes]:
    """The texts that begin there."""
    places = map(slice, begin.tolist(), (begin + length).tolist())
    return list(map(batch.texts.__getitem__, places))
