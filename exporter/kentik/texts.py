"""Texts of rows as Kentik's columns take them: valid UTF-8, no zero octet, at most 384 octets (step 10)."""

from exporter.cells import decoded
from exporter.kentik.layout import Column
from shared.record import Batch, texts

LIMIT_BYTES = 384


def row_texts(batch: Batch, cell: str, rows: Column) -> list[bytes | None]:
    """The text in `cell` of each row, None where there is none; each distinct odd one is mended once."""
    raw = texts(batch, cell, rows)
    mended: dict[bytes, bytes] = {}
    return [one if one is None or _is_plain(one) else _mended(one, mended) for one in raw]


def cut(text: bytes) -> bytes:
    """The first 384 octets, less a character that would be cut in two."""
    if len(text) <= LIMIT_BYTES:
        return text
    return text[:LIMIT_BYTES].decode("utf-8", "ignore").encode()


def _is_plain(raw: bytes) -> bool:
    return len(raw) <= LIMIT_BYTES and raw.isascii() and b"\0" not in raw


def _mended(raw: bytes, known: dict[bytes, bytes]) -> bytes:
    if raw not in known:
        known[raw] = cut(decoded(raw).encode())
    return known[raw]
