"""`flows`: the newest records that match, one line each, newest first."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from console import details, lake, query, table
from console.filters import conditions
from console.values import duration, size
from shared.elements import ELEMENTS
from shared.log_forms import visible

PROTOCOLS = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    33: "dccp",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "icmp6",
}
PROTOCOLS |= {89: "ospf", 112: "vrrp", 132: "sctp", 136: "udplite"}
REASONS = {
    "idle_timeout": "idle",
    "active_timeout": "active",
    "end_of_flow": "end",
    "forced_end": "forced",
    "lack_of_resources": "full",
    "exchange": "done",
}
WIDE = 110
ROOMY = 150
ONLY_WIDE = {"interface", "dir", "pkts →", "← pkts", "reason"}
STORED_SIX = """
    SELECT src_addr FROM flows WHERE ip_version = 6 UNION SELECT dst_addr FROM flows WHERE ip_version = 6
"""
NAMES = [element.name for element in ELEMENTS]
TO_THE_RIGHT = {"pkts →", "← pkts", "bytes →", "← bytes", "lasted"}
ENDS = "source → destination"
APPLICATION, NETWORK = "application", "network"
ROOM = {APPLICATION: 42, NETWORK: 26}  # what a detail needs to have a column of its own

Record = dict[str, Any]
Line = dict[str, str]  # a cell for each column


def run(arguments: argparse.Namespace) -> int:
    """Ask and print."""
    asked = conditions(arguments, lambda: _six(arguments.store))
    sql = (
        f"SELECT {', '.join(NAMES)} FROM flows WHERE {' AND '.join(asked.words)} "  # noqa: S608 - names of our own
        f"ORDER BY start_ns DESC, end_ns DESC LIMIT {arguments.limit}"
    )
    result = lake.ask(arguments.store, sql, asked.values)
    rows = result.fetchall()
    if arguments.format is not None:
        query.write(arguments.format, NAMES, [""] * len(NAMES), rows)
    elif rows:
        show([dict(zip(NAMES, row, strict=True)) for row in rows], with_network=arguments.network)
    else:
        table.console().print("no records match" if len(asked.words) > 1 else "no records yet", style="dim")
    return 0


def _six(store: Path) -> list[str]:
    return [text for (text,) in lake.ask(store, STORED_SIX).fetchall()]


def show(records: list[Record], *, with_network: bool) -> None:
    """One line a record; a narrow terminal gets fewer columns, not cut ones, and details in lines of their own."""
    out = table.console()
    with_date = len({_local(record).date() for record in records}) > 1
    lines = [_cells(record, with_date=with_date) for record in records]
    wanted = (APPLICATION, NETWORK) if with_network or out.width >= ROOMY else (APPLICATION,)
    extra = [name for name in wanted if any(line[name] for line in lines)]
    every = [name for name in lines[0] if name not in ROOM]
    few = [name for name in every if name not in ONLY_WIDE]
    names = every if out.width >= WIDE else few
    if not extra:
        out.print(_grid(lines, names))
        return
    for narrowed in (every, few):
        if out.width - table.width(out, _grid(lines, narrowed)) >= sum(ROOM[name] for name in extra):
            out.print(_grid(lines, narrowed + extra))
            return
    _show_below(out, lines, every if table.width(out, _grid(lines, every)) <= out.width else few, extra)


def _show_below(out: Console, lines: list[Line], names: list[str], extra: list[str]) -> None:
    """Each record's details stand below its ends, and may go on to the edge of the terminal."""
    widths = {name: max(cell_len(line[name]) for line in [{name: name}, *lines]) for name in names}
    others = sum(widths[name] + table.GAP for name in names if name != ENDS)
    widths[ENDS] = min(widths[ENDS], out.width - others)
    before = names[: names.index(ENDS)]
    indent = sum(widths[name] + table.GAP for name in before)
    for number, line in enumerate(lines):
        out.print(_grid([line], names, widths, show_header=number == 0))
        for name in extra:
            if line[name]:
                out.print(Padding(Text(line[name], "dim", overflow="fold"), (0, 0, 0, indent)))


def _grid(
    lines: list[Line], names: list[str], widths: dict[str, int] | None = None, *, show_header: bool = True
) -> Table:
    """Only the ends and the details may take several lines."""
    grid = table.plain_grid()
    grid.show_header = show_header
    for name in names:
        grid.add_column(
            name,
            justify="right" if name in TO_THE_RIGHT else "left",
            no_wrap=name != ENDS and name not in ROOM,
            overflow="fold",
            width=widths[name] if widths else None,
        )
    for line in lines:
        grid.add_row(*(line[name] for name in names))
    return grid


def _cells(record: Record, *, with_date: bool) -> Line:
    return {
        "time": _local(record).strftime("%m-%d %H:%M:%S" if with_date else "%H:%M:%S"),
        "interface": visible(record["interface"]),
        "dir": "" if record["direction"] == "unknown" else record["direction"],
        "proto": _protocol(record),
        ENDS: f"{_end(record, 'src')} → {_end(record, 'dst')}",
        "pkts →": size(record["packets"]),
        "← pkts": size(record["rev_packets"]),
        "bytes →": size(record["bytes"]),
        "← bytes": size(record["rev_bytes"]),
        "lasted": duration(record["end_ns"] - record["start_ns"]),
        "reason": REASONS.get(record["end_reason"], str(record["end_reason"])),
        APPLICATION: details.application(record),
        NETWORK: details.network(record),
    }


def _local(record: Record) -> datetime:
    return datetime.fromtimestamp(record["start_ns"] / 1e9).astimezone()


def _protocol(record: Record) -> str:
    name = PROTOCOLS.get(record["proto"], str(record["proto"]))
    return name if record["icmp_type"] is None else f"{name} {record['icmp_type']}"


def _end(record: Record, side: str) -> str:
    address, port = record[f"{side}_addr"], record[f"{side}_port"]
    if not port:
        return str(address)
    return f"[{address}]:{port}" if record["ip_version"] == 6 else f"{address}:{port}"
