"""A batch as JSON lines, all rows a field at a time: no row is ever a Python object. Absent fields are left out."""

import json
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from exporter.addresses import address_cells, mac_cells
from exporter.alike import alike
from exporter.columns import WORDS, Column, by_protocol
from exporter.exchange_lines import put_exchanges
from exporter.sheet import Sheet, cells_of, put_number
from shared.application_elements import TEXTS
from shared.element import NO_U16, Element
from shared.elements import ELEMENTS
from shared.record import Batch, Rows

SHEET_BYTES = 6 << 20
FIELDS_BYTES = 1200  # what a row takes without texts
FIELDS = tuple(element for element in ELEMENTS if element.scope != "application")
# Fields that many rows have alike: each set of their values is written once.
FIRST_ALIKE, LAST_ALIKE = (
    next(place for place, element in enumerate(FIELDS) if element.name == name)
    for name in ("tcp_flags", "rev_zero_windows")
)
BEFORE, ALIKE, BEHIND = FIELDS[:FIRST_ALIKE], FIELDS[FIRST_ALIKE : LAST_ALIKE + 1], FIELDS[LAST_ALIKE + 1 :]
ALIKE_NAMES = tuple(element.name for element in ALIKE if element.scope == "row")


def lines(batch: Batch) -> bytes:
    """One line a row, in order, each ended by a newline."""
    return b"".join(parts(batch))


def parts(batch: Batch) -> list[memoryview]:
    """The lines in a few pieces: they are many megabytes, and need not stand beside each other."""
    if not len(batch.rows):
        return []
    kinds, step = _kinds(batch), _sheet_rows(batch.rows)
    firsts = range(0, len(batch.rows), step)
    return [_part(batch, slice(first, first + step), kinds) for first in firsts]


def _sheet_rows(rows: Rows) -> int:
    """How many rows a sheet takes; fewer where texts are long, for all have room for the longest."""
    longest = (rows[cell].max(where=rows[cell] != NO_U16, initial=0) for cell in TEXTS)
    return max(1, SHEET_BYTES // (FIELDS_BYTES + sum(map(int, longest))))


def _part(batch: Batch, part: slice, kinds: tuple[Column, Column] | None) -> memoryview:
    rows = batch.rows[part]
    sheet = Sheet(len(rows))
    _put_fields(sheet, batch, rows, BEFORE)
    if kinds is None:
        _put_fields(sheet, batch, rows, ALIKE)
    else:
        cells, which = kinds
        sheet.put(cells.take(which[part]))
    _put_fields(sheet, batch, rows, BEHIND)
    put_exchanges(sheet, batch, part.start, by_protocol(rows))
    sheet.say(b"}\n")
    return sheet.octets()


def _kinds(batch: Batch) -> tuple[Column, Column] | None:
    """A cell for each set of values of the fields that are often alike, and which of them each row has."""
    first, which = alike(batch.rows, ALIKE_NAMES)
    if len(first) > len(batch.rows) // 2:
        return None
    sheet = Sheet(len(first))
    _put_fields(sheet, batch, batch.rows[first], ALIKE)
    sheet.say(b"\n")
    return cells_of(sheet.octets().tobytes().split(b"\n")[:-1]), which


def _put_fields(sheet: Sheet, batch: Batch, rows: Rows, elements: Sequence[Element]) -> None:
    for element in elements:
        name = ("{" if element is FIELDS[0] else ",") + f'"{element.name}":'
        if element.scope == "batch":
            value = getattr(batch, element.name)
            sheet.say(b"" if value == element.absent else f"{name}{json.dumps(value)}".encode())
        elif element.kind == "address":
            sheet.say(name.encode() + b'"')
            sheet.put(address_cells(rows, element.name, b'"'))
        elif element.kind in WORDS:
            sheet.put(_words(element, name).take(rows[element.name], mode="clip"))
        else:
            _put_present(sheet, element, name, rows[element.name])


def _put_present(sheet: Sheet, element: Element, name: str, values: Column) -> None:
    """A number or a link address, where it is present."""
    put = _put_mac if element.kind == "mac" else put_number
    present = np.ones(1, bool) if element.absent is None else values != element.absent
    if present.all():
        put(sheet, name, values)
    elif present.any():
        (rows,) = np.nonzero(present)
        some = Sheet(len(rows))
        put(some, name, values[rows])
        sheet.put(some.cells(), rows)


def _put_mac(sheet: Sheet, name: str, words: Column) -> None:
    sheet.say(name.encode() + b'"')
    sheet.put(mac_cells(words, b'"'))


@lru_cache(maxsize=64)
def _words(element: Element, name: str) -> Column:
    """A field's name with each of its words; nothing where a code means absent."""
    return cells_of([b"" if word is None else f'{name}"{word}"'.encode() for word in WORDS[element.kind]])
