"""What a custom column is on its way into a message: some records, and a number or a text for each (step 10)."""

from dataclasses import dataclass

import numpy as np

from exporter.kentik.layout import ADDRESS, TEXT, UINT32, Column
from shared.elements import NO_U32
from shared.reasons import AppProtocol

US_PER_MS = 1000
SHORTEST_MS, LONGEST_MS = 1, 20_000


@dataclass(frozen=True, slots=True)
class Values:
    """One field's values: `records` are rising places; `numbers` are theirs, of an address its IPv4 word."""

    field: str
    records: Column
    tag: int
    numbers: Column
    texts: list[bytes]
    protocol: AppProtocol | None = None


def numbers(field: str, column: Column, chosen: Column, protocol: AppProtocol | None = None) -> Values:
    """The column in the records that a mask chooses."""
    (records,) = np.nonzero(chosen)
    return Values(field, records, UINT32, column[records].astype(np.uint32), [], protocol)


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


def at(field: str, tag: int, records: Column, values: Column, protocol: AppProtocol) -> Values:
    """Numbers or addresses of records that were chosen already."""
    return Values(field, records, tag, values.astype(np.uint32), [], protocol)


def texts_at(field: str, records: Column, values: list[bytes], protocol: AppProtocol) -> Values:
    """Texts of records that were chosen already."""
    return Values(field, records, TEXT, np.zeros(len(records), np.uint32), values, protocol)


__all__ = ["ADDRESS", "Values", "at", "clamped_ms", "counted", "latency", "numbers", "positive", "texts_at"]
