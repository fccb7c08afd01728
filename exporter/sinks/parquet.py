"""Parquet files by DuckDB: batches written as one file, several files merged into one."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb
import numpy as np

from exporter.columns import columns, select_list
from exporter.disk import sync_folder
from shared.manifest import Segment
from shared.record import ROW, Batch

MEMORY = "512MB"
# Version 2 has numbers as differences: files are an eighth smaller, and sooner squeezed by zstd. A dictionary beyond a
# thousand entries saves no octet more and takes a fifth of the time.
FORM = (
    "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE 122_880, DICTIONARY_SIZE_LIMIT 1000"
)


class Parquet:
    """Writes into one folder: a draft first, synced and renamed when whole."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        self._duck = duckdb.connect(
            config={
                "threads": 1,
                "memory_limit": MEMORY,
                "temp_directory": str(folder / "temporary"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )

    def write(self, batches: Sequence[Batch], name: str, made_ns: int) -> Segment:
        """One file of all rows of the batches."""
        values = columns(batches)
        self._duck.register("arrived", values)
        try:
            return self._write(_query(values), name, made_ns, merged=False)
        finally:
            self._duck.unregister("arrived")

    def merge(self, segments: Sequence[Segment], name: str) -> Segment:
        """One file of all rows of the segments."""
        paths = [str(self._folder / segment.name) for segment in segments]
        listed = ", ".join(f"'{_quoted(path)}'" for path in paths)
        query = f"SELECT * FROM read_parquet([{listed}], union_by_name = true)"  # noqa: S608 - names of our own
        return self._write(query, name, max(segment.made_ns for segment in segments), merged=True)

    def close(self) -> None:
        """Let go of DuckDB."""
        self._duck.close()

    def _write(self, query: str, name: str, made_ns: int, *, merged: bool) -> Segment:
        path, draft = self._folder / name, self._folder / f"{name}.tmp"
        into = f"'{_quoted(str(draft))}' ({FORM})"
        try:
            self._duck.execute(f"COPY ({query}) TO {into}")
            rows, start_ns, end_ns = self._extent(draft)
            self._sync(draft)
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
        if self._durable:
            sync_folder(self._folder)
        return Segment(name, rows, path.stat().st_size, start_ns, end_ns, made_ns, merged)

    def _extent(self, path: Path) -> tuple[int, int, int]:
        found = self._duck.execute(
            "SELECT count(*), min(start_ns), max(end_ns) FROM read_parquet(?)", [str(path)]
        )
        rows, start_ns, end_ns = found.fetchall()[0]
        return rows, start_ns or 0, end_ns or 0

    def _sync(self, path: Path) -> None:
        if not self._durable:
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def warm() -> None:
    """Run one query of the kind used here, so that DuckDB has imported all it needs."""
    arrived = columns([Batch("", 0, 1, np.zeros(1, ROW))])
    with duckdb.connect() as duck:
        duck.register("arrived", arrived)
        duck.execute(_query(arrived)).fetchall()


def _query(values: Collection[str]) -> str:
    return f"SELECT {select_list(values)} FROM arrived"  # noqa: S608 - names of our own


def _quoted(text: str) -> str:
    return text.replace("'", "''")
