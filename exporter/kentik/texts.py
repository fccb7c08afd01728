"""Texts of rows as Kentik's columns take them: valid UTF-8, no zero octet, at most 384 octets (step 10)."""

from exporter.cells import decoded
from exporter.kentik.layout import Column
from shared.record import Batch, texts

LIMIT_BYTES = 384


def row_texts(batch: Batch, cell: str, rows: Column) -> list[bytes | None]:
    """The text in `cell` of each row, None where there is none."""
    raw = texts(batch, cell, rows)
    if batch.texts.isascii() and b"\0" not in batch.texts:
        return [one if one is None else one[:LIMIT_BYTES] for one in raw]
    mended = {one: _mended(one) for one in set(raw) if one is not None}
    return [one if one is None else mended[one] for one in raw]


def cut(text: bytes) -> bytes:
    """The first 384 octets, less a character that would be cut in two."""
    if len(text) <= LIMIT_BYTES:
        return text
    return text[:LIMIT_BYTES].decode("utf-8", "ignore").encode()


def _mended(raw: bytes) -> bytes:
    return cut(decoded(raw).encode())
