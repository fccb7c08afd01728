"""`query SQL`: one query's result as a table for people, as JSON or as CSV."""

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb

from console import lake, table
from console.values import plain
from shared.errors import FlowherdError

AT_ONCE = 10_000


def run(arguments: argparse.Namespace) -> int:
    """Ask and print."""
    result = lake.ask(arguments.store, arguments.sql)
    names = told_apart([column[0] for column in result.description])
    types = [str(column[1]) for column in result.description]
    write(arguments.format, names, types, _rows(result))
    return 0


def told_apart(names: Sequence[str]) -> list[str]:
    """Of one name the second is `name_1`, as in DuckDB's own subqueries: an object of JSON has room for one."""
    told: list[str] = []
    for name in names:
        new, number = name, 0
        while new in told or (number and new in names):
            number += 1
            new = f"{name}_{number}"
        told.append(new)
    return told


def write(
    form: str | None, names: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Rows in the form asked for."""
    match form:
        case "json":
            _json(names, rows)
        case "csv":
            _csv(names, rows)
        case _:
            table.show(names, types, rows)


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[Sequence[Any]]:
    try:
        while some := result.fetchmany(AT_ONCE):
            yield from some
    except duckdb.Error as error:
        raise FlowherdError(lake.first_line(error)) from error


def _json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One array, an object a line."""
    before = "["
    for row in rows:
        record = {name: plain(value) for name, value in zip(names, row, strict=True)}
        sys.stdout.write(f"{before}{json.dumps(record, ensure_ascii=False)}")
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[" else "]\n")


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(names)
    out.writerows([plain(value) for value in row] for row in rows)
