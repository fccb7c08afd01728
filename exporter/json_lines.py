"""A batch as JSON lines: one template for each set of fields present; absent ones are left out.

Formatting with one `%` a row is what lets plain Python write 150,000 lines a second.
"""

import json

import numpy as np

from exporter.columns import WORDS, Column, column
from shared.elements import ELEMENTS, Element
from shared.record import Batch, Rows

ROW_ELEMENTS = tuple(element for element in ELEMENTS if element.scope == "row")
NULLABLE = tuple(element for element in ROW_ELEMENTS if element.absent is not None)


def lines(batch: Batch) -> bytes:
    """One line a row, in order, each ended by a newline."""
    rows = batch.rows
    if not len(rows):
        return b""
    columns = {element.name: column(element, rows) for element in ROW_ELEMENTS}
    patterns, inverse = np.unique(_present(rows), return_inverse=True)
    out = np.empty(len(rows), object)
    for index, pattern in enumerate(patterns.tolist()):
        chosen = np.flatnonzero(inverse == index)
        out[chosen] = _filled(batch, columns, pattern, chosen)
    return "".join(out.tolist()).encode()


def _present(rows: Rows) -> Column:
    """For each row the set of nullable elements that are not null, as bits."""
    bits = np.zeros(len(rows), np.uint64)
    for place, element in enumerate(NULLABLE):
        bits |= (rows[element.name] != element.absent).astype(np.uint64) << np.uint64(place)
    return bits


def _filled(batch: Batch, columns: dict[str, Column], pattern: int, chosen: Column) -> list[str]:
    absent = {element.name for place, element in enumerate(NULLABLE) if not pattern >> place & 1}
    elements = [element for element in ELEMENTS if element.name not in absent]
    fields = (_field(element, batch) for element in elements)
    template = "{" + ",".join(field for field in fields if field) + "}\n"
    names = [element.name for element in elements if element.scope == "row"]
    values = (columns[name][chosen].tolist() for name in names)
    return [template % row for row in zip(*values, strict=True)]


def _field(element: Element, batch: Batch) -> str:
    """`"name":` and the place of its value; the value itself where it is the same for the whole batch."""
    if element.scope == "row":
        place = '"%s"' if element.kind in ("address", "mac", "text", *WORDS) else "%d"
        return f'"{element.name}":{place}'
    value = getattr(batch, element.name)
    return "" if value == element.absent else f'"{element.name}":{json.dumps(value)}'.replace("%", "%%")
