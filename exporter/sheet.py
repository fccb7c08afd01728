"""Text of many rows at once: cells of fixed width side by side, zero octets where a row has less, dropped at the end.

NumPy fills a column of cells in a few nanoseconds a row, whatever the row says; Python's formatting takes a hundred.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

Column = np.ndarray[Any, Any]
GROUP = 10_000  # four digits at a time
FULL, STRIPPED, LAST = 0, GROUP, 2 * GROUP
FOUR = np.dtype("<u4")  # four characters
SMALL = 256  # numbers below it stand in a table with their field's name
NARROW = 32  # digits of numbers of so many bits are cut off in half the time


class Sheet:
    """So many rows, filled from left to right."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._template = bytearray()
        self._cells: list[tuple[int, Column, Column | None]] = []

    def say(self, octets: bytes) -> None:
        """The same in every row."""
        self._template += octets

    def put(self, cells: Column | bytes, rows: Column | None = None) -> None:
        """A cell in every row, or in these; octets are the same in every row."""
        if isinstance(cells, bytes):
            self.say(cells)
        else:
            self.lay(len(self._template), cells, rows)

    def lay(self, place: int, cells: Column, rows: Column | None) -> None:
        """Cells at a place where other rows may have theirs already."""
        self._cells.append((place, cells, rows))
        self._template += bytes(max(0, place + cells.dtype.itemsize - len(self._template)))

    @property
    def width(self) -> int:
        """Where the next cell goes."""
        return len(self._template)

    def cells(self) -> Column:
        """Each row as one cell."""
        width = len(self._template)
        filled = np.empty((self._rows, width), np.uint8)
        filled[:] = np.frombuffer(self._template, np.uint8)
        for place, cells, rows in self._cells:
            column = np.ndarray(self._rows, cells.dtype, filled.data, place, (width,))
            column[slice(None) if rows is None else rows] = cells
        return filled.view(f"V{width}").reshape(-1)

    def octets(self) -> memoryview:
        """All rows, one behind the other, without zero octets."""
        flat = self.cells().view(np.uint8)
        kept: memoryview = flat[flat != 0].data
        return kept


def cells_of(texts: Sequence[bytes]) -> Column:
    """A cell for each text, as wide as the longest."""
    width = max(map(len, texts))
    return np.frombuffer(b"".join(text.ljust(width, b"\0") for text in texts), f"V{width}")


def cut_cells(octets: bytes, begin: Column, length: Column, unit: int = 1) -> Column:
    """A cell for each stretch of the octets: as wide as the longest and a zero octet, in whole units."""
    width = -(-int(length.max(initial=0) + 1) // unit) * unit
    every = np.ndarray(len(octets) + 1, f"V{width}", octets + bytes(width), 0, (1,))
    cut = every[begin].view(np.uint8).reshape(-1, width)
    cut *= np.arange(width) < length[:, None]
    return cut.view(f"V{width}").reshape(-1)


def put_number(sheet: Sheet, name: str, values: Column) -> None:
    """A name and a number in every row."""
    largest = int(values.max())
    if largest < SMALL:
        sheet.put(_named(name, len(str(largest))).take(values))
        return
    sheet.say(name.encode())
    for cells in numerals(values, largest):
        sheet.put(cells)


@lru_cache(maxsize=512)
def _named(name: str, digits: int) -> Column:
    """The name with each number of so many digits."""
    return cells_of([f"{name}{number}".encode() for number in range(min(10**digits, SMALL))])


def numerals(values: Column, largest: int) -> list[Column | bytes]:
    """Cells of four digits each, the highest first, of numbers up to `largest`; octets where all have the same."""
    rest: Column = values.astype(np.uint64 if largest >> NARROW else np.uint32)
    whole: Any = rest.dtype.type(GROUP)
    out: list[Column | bytes] = []
    kind = LAST
    while largest:
        if (rest == rest[0]).all():
            out.append(b"" if out and not rest[0] else b"%d" % rest[0])
            break
        largest //= GROUP
        above = rest // whole
        group = (rest - above * whole).astype(np.int64)
        out.append(DIGITS.take(group + (above == 0) * kind if largest else group + kind))
        rest, kind = above, STRIPPED
    return out[::-1]


def _digits() -> Column:
    """Of each group: all four digits; without leading zeros, nothing if it is 0; the same, but 0 is a digit."""
    full = [b"%04d" % number for number in range(GROUP)]
    last = [(b"%d" % number).rjust(4, b"\0") for number in range(GROUP)]
    return np.frombuffer(b"".join([*full, bytes(4), *last[1:], *last]), FOUR)


DIGITS = _digits()
