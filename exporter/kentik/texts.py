"""Texts of rows as Kentik's columns take them: valid UTF-8, no zero octet, at most 384 octets (step 10)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exporter.cells import decoded, is_plain, told_apart
from exporter.kentik.layout import Column
from shared.record import Batch, pieces, stretches

LIMIT_BYTES = 384


@dataclass(frozen=True, slots=True)
class Texts:
    """A text for each of some records: where in the octets it stands."""

    octets: bytes
    begin: Column
    length: Column

    def spread(self, present: Column, total: int) -> "Texts":
        """These are of some of so many records; the others' are empty."""
        begin, length = np.zeros((2, total), np.int64)
        begin[present], length[present] = self.begin, self.length
        return Texts(self.octets, begin, length)


def row_texts(batch: Batch, cell: str, rows: Column) -> tuple[Column, Texts]:
    """Which of the rows have a text in `cell`, and these texts."""
    present, begin, length = stretches(batch, cell, rows)
    if is_plain(batch.texts):
        return present, Texts(batch.texts, begin, np.minimum(length, LIMIT_BYTES))
    distinct, which = told_apart(pieces(batch, begin, length))
    return present, listed([_mended(one) for one in distinct], which)


def listed(texts: Sequence[bytes], which: Column) -> Texts:
    """Of these texts, the one that each record has."""
    length = np.fromiter(map(len, texts), np.int64, len(texts))
    begin = np.cumsum(length) - length
    return Texts(b"".join(texts), begin[which], length[which])


def cut(text: bytes) -> bytes:
    """The first 384 octets, less a character that would be cut in two."""
    if len(text) <= LIMIT_BYTES:
        return text
    return text[:LIMIT_BYTES].decode("utf-8", "ignore").encode()


def _mended(raw: bytes) -> bytes:
    return cut(decoded(raw).encode())
