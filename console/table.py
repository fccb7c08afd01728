"""A result as a table: numbers to the right, nothing cut off; what is too wide stands as one block a row."""

import os
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from console.values import plain
from shared.log_forms import visible

SHOWN_ROWS = 1000
PIPED_WIDTH = 100_000
GAP = 2  # columns between two columns
COUNTS = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT")
NUMBERS = (*COUNTS, "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "FLOAT", "DOUBLE")


def console() -> Console:
    """To stdout; a pipe has no width of its own and takes every line whole, unless COLUMNS says otherwise."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    # To rich, [fe80::1] would be a style and :cd: a picture.
    return Console(highlight=False, markup=False, emoji=False, width=width)


def show(names: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print the rows, the first SHOWN_ROWS of them."""
    rows = iter(rows)
    shown = [_texts(row, names, types) for row in islice(rows, SHOWN_ROWS)]
    out, grid = console(), _grid(names, types)
    for row in shown:
        grid.add_row(*row)
    if width(out, grid) > out.width:
        _show_blocks(out, names, shown)
    else:
        out.print(grid)
    rest = sum(1 for _row in rows)
    if rest:
        out.print(f"… and {rest:,} more rows; --json and --csv give all", style="dim")


def plain_grid() -> Table:
    """The look all tables share."""
    return Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1, 0, 0))


def _grid(names: Sequence[str], types: Sequence[str]) -> Table:
    grid = plain_grid()
    for name, kind in zip(names, types, strict=True):
        grid.add_column(name, justify="right" if _is_number(kind) else "left", no_wrap=True)
    return grid


def width(out: Console, grid: Table) -> int:
    """What it takes to show every line as it is."""
    widest = out.options.update(width=PIPED_WIDTH, max_width=PIPED_WIDTH)
    return Measurement.get(out, widest, grid).maximum


def _show_blocks(out: Console, names: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    label = max(len(name) for name in names)
    for number, row in enumerate(rows, 1):
        out.print(f"── row {number} ".ljust(min(out.width, 40), "─"), style="dim")
        for name, value in zip(names, row, strict=True):
            out.print(Text(f"{name:<{label}}  ", style="bold"), value, sep="", soft_wrap=True)


def _texts(row: Sequence[Any], names: Sequence[str], types: Sequence[str]) -> list[Text]:
    return [_text(value, name, kind) for value, name, kind in zip(row, names, types, strict=True)]


def _text(value: Any, name: str, kind: str) -> Text:  # noqa: ANN401 - whatever a query gives
    if value is None:
        return Text("-", style="dim")
    if isinstance(value, bool):
        return Text(str(value).lower())
    if isinstance(value, int) and kind in COUNTS and not name.endswith("_ns"):
        return Text(f"{value:,}")
    if isinstance(value, float):
        return Text(f"{value:,.3f}".rstrip("0").rstrip("."))
    return Text(visible(str(plain(value))))


def _is_number(kind: str) -> bool:
    return kind in NUMBERS or kind.startswith("DECIMAL")
