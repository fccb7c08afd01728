"""The lists of customs in a message, their texts and addresses behind them (step 10)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from exporter.kentik.customs import Customs
from exporter.kentik.layout import (
    CUSTOM_DATA_WORDS,
    CUSTOM_LIST,
    CUSTOM_POINTERS,
    CUSTOM_WORDS,
    UINT32,
    Column,
    Words,
    record_places,
)
from exporter.kentik.pointers import begins, composite_pointer, octets_pointer, struct_pointer
from exporter.kentik.values import Values


@dataclass(frozen=True, slots=True)
class Placed:
    """One column's values; `records` are places in the whole message."""

    id: int
    records: Column
    values: Values

    @property
    def words(self) -> int:
        """Words that its texts or addresses take."""
        return len(self.values.octets) // 8


@dataclass(slots=True)
class Lists:
    """Where each record's list of customs stands, from `begin` on; `next_at`: where its next custom goes."""

    begin: int
    total: int
    columns: list[Placed]
    counts: Column = field(init=False)
    at: Column = field(init=False)
    end: int = field(init=False)

    def __post_init__(self) -> None:
        listed = [np.zeros(0, np.int64), *(column.records for column in self.columns)]
        self.counts = np.bincount(np.concatenate(listed), minlength=self.total)
        sizes = np.where(self.counts > 0, 1 + CUSTOM_WORDS * self.counts, 0)
        self.at = begins(self.begin, sizes)
        self.end = self.begin + int(sizes.sum())


def placed(told: Sequence[Customs], sizes: Sequence[int]) -> list[Placed]:
    """Every column of every part; a part's records come behind those of the parts before it."""
    out, first = [], 0
    for one, size in zip(told, sizes, strict=True):
        out += [Placed(number, values.records + first, values) for number, values in one.columns]
        first += size
    return out


def write_lists(words: Words, lists: Lists, columns: list[Placed], behind: int) -> None:
    """All lists with their customs; texts and addresses from `behind` on."""
    (having,) = np.nonzero(lists.counts)
    at, counts, pointer = lists.at[having], lists.counts[having], record_places(having) + CUSTOM_LIST
    words[pointer] = composite_pointer(at - pointer - 1, CUSTOM_WORDS * counts).astype(np.uint64)
    words[at] = struct_pointer(counts, CUSTOM_DATA_WORDS, CUSTOM_POINTERS).astype(np.uint64)
    next_at = lists.at + 1
    for column in columns:
        _write_column(words, column, next_at[column.records], behind)
        next_at[column.records] += CUSTOM_WORDS
        behind += column.words


def _write_column(words: Words, column: Placed, at: Column, behind: int) -> None:
    """One column's customs, each at its place in its record's list."""
    values = column.values
    words[at + 1] = values.tag
    if values.tag == UINT32:
        words[at] = column.id | values.numbers << np.uint64(32)
        return
    words[at] = column.id
    pointer = at + CUSTOM_DATA_WORDS
    ahead = begins(behind, (values.lengths + 7) // 8) - pointer - 1
    words[pointer] = octets_pointer(ahead, values.lengths).astype(np.uint64)
    words[behind : behind + column.words] = np.frombuffer(values.octets, np.uint64)
