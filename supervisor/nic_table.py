"""Pure: the table of `flowherd interfaces`; what has no room beside a NIC stands below it, nothing is cut."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.interface_index import tail_of
from supervisor import live
from supervisor.links import Link
from supervisor.placement import OWN, Place
from supervisor.roster import Choice

WHY_LEAST = 24
FIRST_BELOW = ("why", "index", "driver", "node", "role", "speed")
LABELLED = ("driver", "node", "index")
GAP, EDGES = 2, 2
Cells = dict[str, Text]


@dataclass(frozen=True, slots=True)
class Plan:
    """By interface: the core a flowherd would give it, the one that a running one's kernel granted, its index."""

    places: Mapping[str, Place]
    granted: Mapping[str, int | None]
    numbers: dict[str, int]


def render(choices: Sequence[Choice], plan: Plan, width: int) -> RenderableType:
    """Those watched first; a column in which nobody has anything is left out."""
    rows = [_cells(choice, plan) for choice in sorted(choices, key=lambda choice: not choice.is_chosen)]
    beside = [name for name in rows[0] if any(row[name].plain != live.NONE for row in rows)]
    below: list[str] = []
    for name in FIRST_BELOW:
        if _width(rows, beside) > width and name in beside:
            beside.remove(name)
            below.append(name)
    if below:
        lines = Group(*_lines(rows, beside, below, width - EDGES))
        return Padding(lines, (1, 0, 1, 1), expand=False)
    return _grid(rows, beside)


def mac_of(link: Link) -> int:
    """As a number, of which the index is made."""
    return int(link.mac.replace(":", "") or "0", 16)


def _cells(choice: Choice, plan: Plan) -> Cells:
    link, number = choice.link, plan.numbers.get(choice.link.name, 0)
    where, granted = plan.places.get(link.name), plan.granted.get(link.name, live.NONE)
    why = choice.reason + (f"; core {where.reason}" if where and where.reason != OWN else "")
    if number not in (0, tail_of(mac_of(link))):
        why += f"; index {tail_of(mac_of(link))} is another's"
    plain = {
        "core": str(where.core) if where else live.NONE,
        "runs on": "any" if granted is None else str(granted),
        "role": choice.role,
        "speed": f"{live.count(link.speed_mbit * 1e6)}b/s" if link.speed_mbit else live.NONE,
        "driver": link.driver or live.NONE,
        "node": str(link.numa_node) if link.numa_node >= 0 else live.NONE,
        "index": str(number) if number else live.NONE,
    }
    return {
        "interface": Text(link.name, "bold"),
        "watched": Text("yes", "green") if choice.is_chosen else Text("no", "dim"),
        **{name: Text(text) for name, text in plain.items()},
        "why": Text(why, "" if choice.is_chosen else "dim"),
    }


def _widest(rows: Sequence[Cells], name: str) -> int:
    return max(cell_len(name), *(cell_len(row[name].plain) for row in rows))


def _width(rows: Sequence[Cells], names: Sequence[str]) -> int:
    """What they take; a reason may be wrapped."""
    widths = [min(_widest(rows, name), WHY_LEAST if name == "why" else 1000) for name in names]
    return sum(widths) + GAP * (len(widths) - 1) + EDGES


def _grid(rows: Sequence[Cells], names: Sequence[str]) -> Table:
    grid = Table(
        box=box.SIMPLE_HEAD, header_style="dim", border_style="dim", pad_edge=False, padding=(0, 1, 0, 0)
    )
    for name in names:
        grid.add_column(name, no_wrap=name != "why", min_width=WHY_LEAST if name == "why" else None)
    for row in rows:
        grid.add_row(*(row[name] for name in names))
    return grid


def _lines(
    rows: Sequence[Cells], beside: Sequence[str], below: Sequence[str], width: int
) -> Iterator[RenderableType]:
    """Two for each NIC, the second as long as it takes."""
    widths = {name: _widest(rows, name) for name in beside}
    yield _line({name: Text(name, "dim") for name in beside}, widths)
    yield Text("─" * width, "dim")
    for row in rows:
        yield _line(row, widths)
        told = [_told(name, row[name].plain) for name in below if row[name].plain != live.NONE]
        yield Padding(Text(" · ".join(told), "dim"), (0, 0, 0, GAP), expand=False)


def _line(cells: Cells, widths: Mapping[str, int]) -> Text:
    padded = [cells[name].copy() for name in widths]
    for cell, wide in zip(padded[:-1], widths.values(), strict=False):
        cell.pad_right(wide - cell_len(cell.plain))
    return Text(" " * GAP).join(padded)


def _told(name: str, text: str) -> str:
    return f"{name} {text}" if name in LABELLED else text
