"""The store as a DuckDB view `flows`: the files its manifest names can be read, nothing can be written."""

import grp
from contextlib import suppress
from pathlib import Path

import duckdb

from shared import manifest as manifests
from shared.elements import ELEMENTS
from shared.errors import FlowherdError, UsageError
from shared.manifest import Manifest

ATTEMPTS = 3
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}


def ask(store: Path, sql: str, parameters: list[object] | None = None) -> duckdb.DuckDBPyConnection:
    """The result of one query. Files merged away since the manifest was read are looked for again."""
    for attempt in range(1, ATTEMPTS + 1):
        duck = opened(store)
        _check(duck, sql)
        try:
            return duck.execute(sql, parameters)
        except duckdb.IOException as error:
            if attempt == ATTEMPTS:
                raise FlowherdError(first_line(error)) from error
        except duckdb.Error as error:
            raise FlowherdError(first_line(error)) from error
    raise AssertionError("unreachable")


def opened(store: Path) -> duckdb.DuckDBPyConnection:
    """A connection that has the view and is locked: no other file, no setting, no extension."""
    paths = [str(store / segment.name) for segment in read(store).segments]
    duck = duckdb.connect(config=SETTINGS)
    try:
        duck.execute(f"CREATE VIEW flows AS {_view(paths)}")
        duck.execute(f"SET allowed_paths = [{_listed(paths)}]")
    except duckdb.Error as error:
        raise FlowherdError(f"store {store} cannot be read: {first_line(error)}") from error
    duck.execute(
        "SET TimeZone = 'UTC'"
    )  # start_time is UTC, and now() has to compare with it wherever the host is
    duck.execute("SET enable_external_access = false")
    duck.execute("SET lock_configuration = true")
    return duck


def read(store: Path) -> Manifest:
    """The store's manifest, or a sentence."""
    try:
        return manifests.read(store)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FlowherdError(
            f"no store in {store} yet: start flowherd and wait a few seconds, or choose one by --store"
        ) from error
    except PermissionError as error:
        raise FlowherdError(f"store {store} may not be read by you: {_way_in(store)}") from error
    except OSError as error:
        raise FlowherdError(f"store {store} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FlowherdError(f"store {store}: its manifest.json is damaged: {error}") from error


def _way_in(store: Path) -> str:
    """Its records tell names and URLs, so they are for root and one group."""
    with suppress(OSError, KeyError):
        return f"run it with sudo, or join the group {grp.getgrgid(store.stat().st_gid).gr_name}"
    return "run it with sudo"


def first_line(error: duckdb.Error) -> str:
    """DuckDB's own words, the first line of them."""
    return str(error).strip().splitlines()[0]


def _check(duck: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Only queries: DuckDB's lock keeps other files safe, this keeps the store's own."""
    try:
        statements = duck.extract_statements(sql)
    except duckdb.Error as error:
        raise FlowherdError(first_line(error)) from error
    if len(statements) != 1:
        raise UsageError(f"one query at a time, here are {len(statements)}")
    kind = statements[0].type
    is_plan = kind == duckdb.StatementType.EXPLAIN and "analyze" not in sql.lower()
    if kind != duckdb.StatementType.SELECT and not is_plan:
        raise UsageError(
            "the store is read-only: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE and EXPLAIN are possible"
        )


def _view(paths: list[str]) -> str:
    """All columns of today's records, whatever the files' age, and the times once more as timestamps."""
    rows = "SELECT " + ", ".join(f"NULL::{element.sql} AS {element.name}" for element in ELEMENTS)
    rows += " WHERE false"
    if paths:
        rows += f" UNION ALL BY NAME SELECT * FROM read_parquet([{_listed(paths)}], union_by_name = true)"  # noqa: S608 - names of our own
    # Microseconds: now() and what is reckoned from it do not compare with a TIMESTAMP_NS.
    times = "make_timestamp(start_ns // 1000) AS start_time, make_timestamp(end_ns // 1000) AS end_time"
    return f"SELECT *, {times} FROM ({rows})"  # noqa: S608 - names of our own


def _listed(paths: list[str]) -> str:
    return ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
