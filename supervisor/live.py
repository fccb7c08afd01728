"""Pure: a snapshot as the table people watch; rich lays it out for the width it is given."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from supervisor.confinement import in_words
from supervisor.number import counted
from supervisor.snapshot import Row, Snapshot

STYLE = {
    "running": "green",
    "starting": "cyan",
    "stopping": "cyan",
    "waiting": "yellow",
    "backoff": "yellow",
    "fatal": "red",
}
PROTOCOLS = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    47: "gre",
    50: "esp",
    58: "icmp6",
    89: "ospf",
    132: "sctp",
}
WIDE, NARROW = 100, 72
COLUMNS = ("core", "packets/s", "bit/s", "flows", "captured", "dropped", "restarts")
SHOWN = {"narrow": {"packets/s", "dropped"}, "usual": {*COLUMNS} - {"captured"}, "wide": {*COLUMNS}}
NONE = "\N{EN DASH}"
LEAST_TOP = 3
FRAME_LINES = 12  # header, both column heads, blank lines, footer


def render(shown: Snapshot, width: int = 80, height: int = 40, note: str = "") -> RenderableType:
    """Header, one line per interface, the largest conversations, where the records went."""
    wide = width >= WIDE
    said = sum(bool(row.why) for row in shown.rows) + sum(bool(sink.get("error")) for sink in shown.sinks)
    said += bool(shown.spool_error)
    room = max(height - len(shown.rows) - said - FRAME_LINES, LEAST_TOP)
    parts: list[RenderableType] = [_header(shown, note), Text(), _interfaces(shown.rows, width)]
    parts += [_reason(row) for row in shown.rows if row.why]
    if shown.top:
        parts += [Text(), _conversations(shown.top[:room], wide=wide)]
    return Padding(Group(*parts, Text(), _footer(shown)), (1, 1, 0, 1))


def _header(shown: Snapshot, note: str) -> Text:
    running = sum(row.state == "running" for row in shown.rows)
    text = Text.assemble(
        ("flowherd", "bold"), f" {shown.version}", ("  ·  ", "dim"), no_wrap=True, overflow="ellipsis"
    )
    if shown.phase == "done":
        return text.append(f"ended after {span(shown.up_s)}")
    text.append(
        f"{running} of {counted(len(shown.rows), 'interface')} watched"
        if shown.rows
        else "no interface to watch yet"
    )
    text.append("  ·  ", "dim").append(f"up {span(shown.up_s)}")
    if note:
        text.append("  ·  ", "dim").append(note)
    return text.append(f"\n{shown.phase}", "cyan") if shown.phase != "working" else text


def _grid(*, wide: bool) -> Table:
    return Table(
        box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_edge=False,
        padding=(0, 2 if wide else 1, 0, 0), header_style="dim", border_style="dim",
    )  # fmt: skip


def _interfaces(rows: Iterable[Row], width: int) -> Table:
    """A number that finds no room is left out: cut off it would be another."""
    grid = _grid(wide=width >= WIDE)
    grid.add_column("interface", no_wrap=True, ratio=1, min_width=10)
    grid.add_column("state", no_wrap=True)
    shown = SHOWN["wide" if width >= WIDE else "usual" if width >= NARROW else "narrow"]
    for name in COLUMNS:
        if name in shown:
            grid.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        style, cells = STYLE.get(row.state, ""), _cells(row)
        head = Text(row.name, style="bold"), Text.assemble(("● ", style), (row.state, style))
        grid.add_row(*head, *(cells[name] for name in COLUMNS if name in shown))
    return grid


def _reason(row: Row) -> Text:
    return Text.assemble(
        ("  ↳ ", STYLE.get(row.state, "")), f"{row.name}: {row.why}", style="dim", overflow="ellipsis"
    )


def _cells(row: Row) -> dict[str, Text]:
    return {
        "core": Text(NONE if row.core is None else str(row.core)),
        "packets/s": Text(rate(row.packets_s)),
        "bit/s": Text(rate(row.bits_s)),
        "flows": Text(f"{row.flows:,}"),
        "captured": Text(f"{row.captured:,}"),
        "dropped": Text(f"{row.dropped:,}", style="bold red" if row.dropped else ""),
        "restarts": Text(str(row.restarts), style="yellow" if row.restarts else ""),
    }


def _conversations(top: Iterable[Mapping[str, Any]], *, wide: bool) -> Table:
    grid = _grid(wide=wide)
    grid.add_column("top conversations, last 30 s", ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column("service", no_wrap=True)
    for name in ("packets", "bytes"):
        grid.add_column(name, justify="right", no_wrap=True)
    for talk in top:
        ends = Text.assemble(str(talk["src"]), (" → ", "dim"), str(talk["dst"]))
        grid.add_row(ends, _service(talk), Text(count(talk["packets"])), Text(f"{count(talk['bytes'])}B"))
    return grid


def _service(talk: Mapping[str, Any]) -> Text:
    number = talk.get("proto") or 0
    name = number if isinstance(number, str) else PROTOCOLS.get(number, f"proto {number}")
    text = Text(f"{name}/{talk['port']}" if talk.get("port") else name)
    return text.append(f" {talk['app']}", "cyan") if talk.get("app") else text


def _footer(shown: Snapshot) -> Text:
    text = Text(style="dim")
    for name, records in shown.delivered.items():
        text.append(f"{name} {counted(records, 'record')}  ·  ")
    text.append(f"spool {count(shown.spool_bytes)}B")
    if shown.sandbox:
        text.append(f"  ·  sandbox {in_words(shown.sandbox)}")
    if shown.spool_error:
        text.append(f"\nthe spool takes nothing, workers keep their records: {shown.spool_error}", "yellow")
    for sink in shown.sinks:
        if sink.get("error"):
            text.append(f"\n{sink['name']}: {sink['error']}", "yellow")
    return text


def rate(value: float | None) -> str:
    """A rate in four characters and a unit prefix; a dash before the second reading."""
    return NONE if value is None else count(value)


def count(value: float) -> str:
    """Three digits that matter: 999, 12.3 k, 4.56 M."""
    for prefix in ("", "k", "M", "G", "T"):
        if abs(value) < 999.5 or prefix == "T":
            break
        value /= 1000
    if not prefix:
        return f"{value:.0f} "
    return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f} {prefix}"


def span(seconds: float) -> str:
    """12 s, 4 min 05 s, 3 h 20 min, 5 d 03 h."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"
