"""What exchanges say, as JSON: the rows of a protocol are a sheet of their own, laid behind what every row has."""

import json
from collections.abc import Sequence

import numpy as np

from exporter.addresses import ipv4_cells
from exporter.cells import LARGEST, Column, application_numbers, decoded, fingerprint, told_apart
from exporter.sheet import Sheet, cells_of, cut_cells, put_number
from shared.element import Element
from shared.record import Batch, pieces, stretches

SPACE, TILDE = 0x20, 0x7E


def put_exchanges(
    sheet: Sheet, batch: Batch, first: int, told: Sequence[tuple[tuple[Element, ...], Column]]
) -> None:
    """All protocols in the same place of the sheet, whose first row is the batch's row `first`."""
    place, is_plain = sheet.width, _is_plain(batch.texts)
    for elements, rows in told:
        exchanges = Sheet(len(rows))
        for element in elements:
            _put(exchanges, element, batch, rows + first, is_plain=is_plain)
        if exchanges.width:
            sheet.lay(place, exchanges.cells(), rows)


def _put(exchanges: Sheet, element: Element, batch: Batch, rows: Column, *, is_plain: bool) -> None:
    """One field in the rows that have it."""
    if element.kind in LARGEST or element.kind == "ipv4":
        numbers = application_numbers(element, batch, rows)
        (present,) = np.nonzero(numbers != element.absent)
        told: Column = numbers[present]
    else:
        present, told = _text_cells(element, batch, rows, is_plain=is_plain)
    if len(present):
        exchanges.put(_field(element, told), present)


def _field(element: Element, told: Column) -> Column:
    """Cells with its name and its value."""
    field, name = Sheet(len(told)), f',"{element.name}":'
    if element.kind in LARGEST:
        put_number(field, name, told)
        return field.cells()
    field.say(name.encode() + b'"')
    field.put(ipv4_cells(told, b"") if element.kind == "ipv4" else told)
    field.say(b'"')
    return field.cells()


def _text_cells(element: Element, batch: Batch, rows: Column, *, is_plain: bool) -> tuple[Column, Column]:
    """Which rows have the text, and it as JSON has it; each distinct one is read once, unless it can stay as it is."""
    present, begin, length = stretches(batch, element.cell, rows)
    if element.kind == "text" and is_plain and len(present):
        return present, cut_cells(batch.texts, begin, length)
    reading = fingerprint if element.kind == "ja4" else decoded
    distinct, which = told_apart(pieces(batch, begin, length))
    said = [json.dumps(reading(one))[1:-1].encode() for one in distinct]
    return present, cells_of([*said, b" "]).take(which)


def _is_plain(octets: bytes) -> bool:
    """Whether JSON takes all of it as it is: what can be printed, without quote and backslash."""
    if b'"' in octets or b"\\" in octets:
        return False
    beyond = np.frombuffer(octets, np.uint8) - np.uint8(SPACE)  # what is below becomes large
    return not (beyond > TILDE - SPACE).any()
