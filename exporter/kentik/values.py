"""What a custom column is on its way into a message: some records, and a number or octets for each (step 10)."""

from dataclasses import dataclass

import numpy as np

from exporter.kentik.layout import ADDRESS, TEXT, UINT32, Column
from exporter.kentik.texts import Texts
from exporter.sheet import cut_cells
from shared.elements import NO_U32
from shared.reasons import AppProtocol

US_PER_MS = 1000
SHORTEST_MS, LONGEST_MS = 1, 20_000
# An address is 17 octets whatever its version: 4, then IPv4's four and zeros.
ADDRESS_OCTETS, ADDRESS_WORDS = 17, 3
NO_LENGTHS = np.zeros(0, np.int64)
WORD_OCTETS = 8


@dataclass(frozen=True, slots=True)
class Values:
    """One field's values; `records` are rising places.

    `numbers` are those of UINT32. Texts (their zero octet counted) and addresses have `lengths`, and stand in `octets`
    one behind the other, each filled up to whole words.
    """

    field: str
    records: Column
    tag: int
    numbers: Column
    lengths: Column
    octets: bytes
    protocol: AppProtocol | None = None


def numbers_at(field: str, records: Column, values: Column, protocol: AppProtocol | None = None) -> Values:
    """Numbers of these records."""
    return Values(field, records, UINT32, values.astype(np.uint64), NO_LENGTHS, b"", protocol)


def addresses_at(field: str, records: Column, words: Column, protocol: AppProtocol) -> Values:
    """IPv4 addresses of these records."""
    octets = np.zeros((len(words), ADDRESS_WORDS * 8), np.uint8)
    octets[:, 0] = 4
    octets[:, 1:5] = words.astype(">u4").view(np.uint8).reshape(-1, 4)
    lengths = np.full(len(words), ADDRESS_OCTETS)
    return Values(field, records, ADDRESS, NO_LENGTHS, lengths, octets.tobytes(), protocol)


def texts_at(field: str, records: Column, texts: Texts, protocol: AppProtocol) -> Values:
    """Texts of these records."""
    cells = cut_cells(texts.octets, texts.begin, texts.length, WORD_OCTETS)
    words = cells.view(np.uint64).reshape(len(records), cells.dtype.itemsize // WORD_OCTETS)
    needed = texts.length // WORD_OCTETS + 1
    octets = words[np.arange(words.shape[1]) < needed[:, None]].tobytes()
    return Values(field, records, TEXT, NO_LENGTHS, texts.length + 1, octets, protocol)


def numbers(field: str, column: Column, chosen: Column) -> Values:
    """The column in the records that a mask chooses."""
    (records,) = np.nonzero(chosen)
    return numbers_at(field, records, column[records])


def positive(field: str, column: Column) -> Values:
    """The column where it is not 0."""
    return numbers(field, column, column > 0)


def counted(field: str, column: Column) -> Values:
    """The column where it is neither 0 nor absent."""
    return numbers(field, column, (column > 0) & (column != NO_U32))


def latency(field: str, column_us: Column, chosen: Column) -> Values:
    """A time in whole milliseconds where it is known and chosen, clamped."""
    return numbers(field, clamped_ms(column_us), chosen & (column_us != NO_U32))


def clamped_ms(column_us: Column) -> Column:
    """Microseconds as milliseconds, truncated: never less than 1, never more than 20 s."""
    clamped: Column = np.clip(column_us // US_PER_MS, SHORTEST_MS, LONGEST_MS)
    return clamped
