"""Batches as columns for SQL: names and types from shared/elements.py, constants expanded, absent is NULL."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from exporter.addresses import address_texts, mac_texts
from exporter.cells import BY_PROTOCOL, application_values
from shared.element import CODES, Element
from shared.elements import ELEMENTS
from shared.record import ROW, Batch, Rows

Column = np.ndarray[Any, Any]
PIECE_ROWS = 2048
OBJECTS = ("address", "mac", "text", "ja4", "ipv4")


def _words(kind: type[IntEnum], absent: int | None) -> Column:
    """A word for each code; the last is for all beyond, so that a newer worker's stops no sink."""
    names: dict[int, str | None] = {member.value: member.name.lower() for member in kind}
    names.setdefault(0, "unknown")
    if absent is not None:
        names[absent] = None
    return np.array([names.get(value, "unknown") for value in range(max(names) + 2)], object)


WORDS = {one.kind: _words(CODES[one.kind], one.absent) for one in ELEMENTS if one.kind in CODES}


class Joined:
    """Columns of the rows of several batches, each contiguous. Rows are never copied whole."""

    def __init__(self, batches: Sequence[Batch], names: Iterable[str]) -> None:
        total = sum(len(batch.rows) for batch in batches)
        self._columns = {name: np.empty(total, ROW[name]) for name in names}
        first = 0
        for rows in _pieces(batches):
            for name, column in self._columns.items():
                column[first : first + len(rows)] = rows[name]
            first += len(rows)

    def __getitem__(self, name: str) -> Column:
        """One column of all rows."""
        return self._columns[name]


def _pieces(batches: Sequence[Batch]) -> Iterator[Rows]:
    """Rows that fit the processor's cache while all their columns are read."""
    for batch in batches:
        for first in range(0, len(batch.rows), PIECE_ROWS):
            yield batch.rows[first : first + PIECE_ROWS]


def column(element: Element, rows: Rows | Joined) -> Column:
    """A row-scope element's values: texts as objects, numbers as they are, absent ones included."""
    if element.kind == "address":
        return address_texts(rows, element.name)
    if element.kind == "mac":
        return mac_texts(rows[element.name])
    if element.kind in WORDS:
        return WORDS[element.kind].take(rows[element.name], mode="clip")
    return rows[element.name]


def columns(batches: Sequence[Batch]) -> dict[str, Column]:
    """The elements that any row has, each a contiguous array of all rows."""
    counts = [len(batch.rows) for batch in batches]
    elements = [element for element in ELEMENTS if element.scope == "row" and _is_there(element, batches)]
    rows = Joined(batches, (name for element in elements for name in _names(element)))
    out = {element.name: column(element, rows) for element in elements}
    for element in ELEMENTS:
        if element.scope == "batch":
            kind = object if element.kind == "text" else np.uint32
            out[element.name] = np.repeat(np.array([getattr(b, element.name) for b in batches], kind), counts)
    return out | _application_columns(batches, sum(counts))


def _is_there(element: Element, batches: Sequence[Batch]) -> bool:
    """Whether any row has it."""
    if element.absent is None:
        return True
    return any(bool((batch.rows[element.name] != element.absent).any()) for batch in batches)


def _names(element: Element) -> tuple[str, ...]:
    """The columns of rows that it is made from."""
    if element.kind == "address":
        return f"{element.name}_head", f"{element.name}_tail"
    return (element.name,)


def _application_columns(batches: Sequence[Batch], total: int) -> dict[str, Column]:
    """The fields of applications, of those that any row speaks."""
    out: dict[str, Column] = {}
    first = 0
    for batch in batches:
        for elements, chosen in by_protocol(batch.rows):
            for element in elements:
                into = out.get(element.name)
                if into is None:
                    into = out[element.name] = empty_column(element, total)
                into[first + chosen] = application_values(element, batch, chosen)
        first += len(batch.rows)
    return out


def by_protocol(rows: Rows) -> list[tuple[tuple[Element, ...], Column]]:
    """The elements of each application protocol there is, and the rows that speak it."""
    spoken = rows["app_protocol"]
    return [
        (BY_PROTOCOL[protocol], np.flatnonzero(spoken == protocol))
        for protocol in np.unique(spoken).tolist()
        if protocol in BY_PROTOCOL
    ]


def empty_column(element: Element, total: int) -> Column:
    """A column of an application element that no row has."""
    if element.kind in OBJECTS:
        return np.full(total, None, object)
    return np.full(total, element.absent, np.uint32)


def select_list(present: Collection[str]) -> str:
    """What turns those columns into the table's: SQL types, absent values NULL.

    A column that no row has is left out: one of NULLs alone takes DuckDB as long as one of numbers, and of the
    hundred there are most records have a third. Readers ask for them by name (union_by_name).
    """
    told = (element for element in ELEMENTS if element.name in present)
    return ", ".join(f"{_value(element)}::{element.sql} AS {element.name}" for element in told)


def _value(element: Element) -> str:
    if element.absent is None or element.kind in OBJECTS or element.kind in WORDS:
        return element.name
    return f"nullif({element.name}, {element.absent})"
