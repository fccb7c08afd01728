"""Batches as columns for SQL: names and types from shared/elements.py, constants expanded, absent is NULL."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from exporter.addresses import address_texts, mac_texts
from shared.elements import ELEMENTS, Element
from shared.reasons import Direction, EndReason
from shared.record import Batch, Rows

Column = np.ndarray[Any, Any]


def _words(kind: type[Direction] | type[EndReason]) -> Column:
    names = {member.value: member.name.lower() for member in kind}
    return np.array([names.get(value, "unknown") for value in range(max(names) + 1)], object)


WORDS = {"direction": _words(Direction), "end_reason": _words(EndReason)}


class Joined:
    """The rows of several batches as one, a column at a time: half a million rows are never copied whole."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches

    def __getitem__(self, name: str) -> Column:
        """One column of all rows."""
        return np.concatenate([batch.rows[name] for batch in self._batches])


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
    """All elements of all rows, in order, each a contiguous array."""
    rows = Joined(batches)
    counts = [len(batch.rows) for batch in batches]
    out: dict[str, Column] = {}
    for element in ELEMENTS:
        if element.scope == "batch":
            kind = object if element.kind == "text" else np.uint32
            out[element.name] = np.repeat(np.array([getattr(b, element.name) for b in batches], kind), counts)
        else:
            out[element.name] = np.ascontiguousarray(column(element, rows))
    return out


def select_list() -> str:
    """What turns those columns into the table's: SQL types, absent values NULL."""
    return ", ".join(f"{_value(element)}::{element.sql} AS {element.name}" for element in ELEMENTS)


def _value(element: Element) -> str:
    if element.absent is None or element.kind == "mac":
        return element.name
    return f"nullif({element.name}, {element.absent})"
