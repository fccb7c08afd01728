"""`flows`: the newest records that match, one line each, newest first."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from console import lake, query, table
from console.filters import conditions
from console.values import duration, size
from shared.elements import ELEMENTS
from shared.logs import visible

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
}
WIDE = 110
ONLY_WIDE = {"interface", "dir", "pkts →", "← pkts", "reason"}
STORED_SIX = """
    SELECT src_addr FROM flows WHERE ip_version = 6 UNION SELECT dst_addr FROM flows WHERE ip_version = 6
"""
NAMES = [element.name for element in ELEMENTS]
TO_THE_RIGHT = {"pkts →", "← pkts", "bytes →", "← bytes", "lasted"}

Record = dict[str, Any]


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
        show([dict(zip(NAMES, row, strict=True)) for row in rows])
    else:
        table.console().print("no records match" if len(asked.words) > 1 else "no records yet", style="dim")
    return 0


def _six(store: Path) -> list[str]:
    return [text for (text,) in lake.ask(store, STORED_SIX).fetchall()]


def show(records: list[Record]) -> None:
    """One line a record; a narrow terminal gets fewer columns rather than cut ones."""
    out = table.console()
    with_date = len({_local(record).date() for record in records}) > 1
    lines = [_cells(record, with_date=with_date) for record in records]
    names = [name for name in lines[0] if out.width >= WIDE or name not in ONLY_WIDE]
    grid = table.plain_grid()
    for name in names:
        is_address = name == "source → destination"
        right = "right" if name in TO_THE_RIGHT else "left"
        grid.add_column(name, justify=right, no_wrap=not is_address, overflow="fold")  # type: ignore[arg-type]
    for line in lines:
        grid.add_row(*(line[name] for name in names))
    out.print(grid)


def _cells(record: Record, *, with_date: bool) -> dict[str, str]:
    return {
        "time": _local(record).strftime("%m-%d %H:%M:%S" if with_date else "%H:%M:%S"),
        "interface": visible(record["interface"]),
        "dir": "" if record["direction"] == "unknown" else record["direction"],
        "proto": _protocol(record),
        "source → destination": f"{_end(record, 'src')} → {_end(record, 'dst')}",
        "pkts →": size(record["packets"]),
        "← pkts": size(record["rev_packets"]),
        "bytes →": size(record["bytes"]),
        "← bytes": size(record["rev_bytes"]),
        "lasted": duration(record["end_ns"] - record["start_ns"]),
        "reason": REASONS.get(record["end_reason"], str(record["end_reason"])),
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
