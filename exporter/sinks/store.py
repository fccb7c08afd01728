"""The local store: Parquet segments, and a manifest that says which count: readers never see half a thing.

A segment and the cursor it brings are committed by the same rename of the manifest. What a kill leaves behind
was in no manifest, and is removed at the next start.
"""

import os
import re
import time
from pathlib import Path

from exporter.disk import replace_file
from exporter.log import log
from exporter.sinks import upkeep
from exporter.sinks.base import Place
from exporter.sinks.parquet import Parquet, warm
from shared import manifest as manifests
from shared.errors import ConfigurationError
from shared.file_lock import is_locked
from shared.manifest import Manifest
from shared.record import Batch

FLUSH_FIRST_S = 5.0
FLUSH_LAST_S = 60.0
FLUSH_ROWS = 122_880  # one row group; until then they wait in memory, 300 bytes each and their texts
TIDY_S = 10.0
OURS = re.compile(r"(segment|merged)-\d{8}T\d{6}-[0-9a-f]{8}-\d+\.parquet(\.tmp)?|manifest\.json\.tmp")


class Store:
    """One process writes a store at a time: a lock in its folder sees to that."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._folder = Path(place.order.target)
        self._durable = place.orders.durable
        self._parquet = Parquet(self._folder, durable=self._durable)
        self._manifest = Manifest()
        self._batches: list[Batch] = []
        self._rows = 0
        self._sequence = 0
        self._interval_s = FLUSH_FIRST_S
        self._due_s = 0.0
        self._tidy_s = 0.0
        self._expired_records = 0
        self._lock = -1

    @staticmethod
    def warm() -> None:
        """DuckDB imports part of itself at its first query."""
        warm()

    def open(self, start: int) -> int:
        """Take the lock, read the manifest, remove what no manifest ever named."""
        self._take_lock()
        self._manifest = self._read()
        self._remove_strays()
        self._sequence = self._manifest.cursors.get(self._place.spool_identity, -1)
        if self._sequence < 0:
            self._sequence = start
            self._commit(upkeep.added(self._manifest, None, self._place.spool_identity, start))
        return self._sequence

    def add(self, sequence: int, batch: Batch) -> None:
        """Keep the rows until the next segment."""
        if not self._batches:
            self._due_s = time.monotonic() + self._interval_s
        self._batches.append(batch)
        self._rows += len(batch.rows)
        self._sequence = sequence

    def due(self, *, idle: bool) -> bool:
        """After 5 s at first, so that a new user sees flows, then less often; or when rows are many."""
        del idle
        return self._rows >= FLUSH_ROWS or time.monotonic() >= self._due_s

    def flush(self) -> None:
        """Write a segment and commit it with its cursor."""
        segment = self._parquet.write(self._batches, self._name(), time.time_ns()) if self._rows else None
        self._commit(upkeep.added(self._manifest, segment, self._place.spool_identity, self._sequence))
        self._forget()
        self._interval_s = min(max(self._interval_s * 2, FLUSH_FIRST_S), FLUSH_LAST_S)

    def discard(self) -> None:
        """Drop the rows at hand; see whether the folder is still there."""
        self._forget()
        self._interval_s = 0.0
        if not (self._folder / manifests.NAME).exists():
            self._begin_anew()

    def tidy(self) -> None:
        """Merge, expire, remove: now and then."""
        if time.monotonic() < self._tidy_s:
            return
        self._tidy_s = time.monotonic() + TIDY_S
        self._expire()
        self._merge()
        self._remove_retired()

    def figures(self) -> dict[str, int]:
        """How large the store is, and what it has let go."""
        return {
            "store_records": self._manifest.rows,
            "store_bytes": self._manifest.size_bytes,
            "store_files": len(self._manifest.segments),
            "store_expired_records": self._expired_records,
        }

    def close(self) -> None:
        """Let go of DuckDB and the lock."""
        self._parquet.close()
        self._release_lock()

    def _begin_anew(self) -> None:
        """Somebody removed the store: what was in it is gone, what comes goes into a new one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._release_lock()
        self._take_lock()
        self._manifest = Manifest(cursors=self._manifest.cursors)

    def _forget(self) -> None:
        self._batches.clear()
        self._rows = 0

    def _name(self) -> str:
        """By time for people; by spool and cursor, so that no name is ever used twice."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        return f"segment-{stamp}-{self._place.spool_identity[:8]}-{self._sequence}.parquet"

    def _commit(self, manifest: Manifest) -> None:
        replace_file(self._folder / manifests.NAME, manifests.encode(manifest), durable=self._durable)
        self._manifest = manifest

    # -- upkeep ----------------------------------------------------------------------------------------------

    def _expire(self) -> None:
        orders = self._place.orders
        old = upkeep.outdated(self._manifest, orders.store_mib << 20, orders.store_age_s, time.time_ns())
        if old:
            self._commit(upkeep.replaced(self._manifest, old, None, time.time_ns()))
            self._expired_records += sum(segment.rows for segment in old)

    def _merge(self) -> None:
        group = upkeep.to_merge(self._manifest, time.time_ns())
        if group:
            merged = self._parquet.merge(group, group[0].name.replace("segment", "merged"))
            self._commit(upkeep.replaced(self._manifest, group, merged, time.time_ns()))

    def _remove_retired(self) -> None:
        gone = upkeep.removable(self._manifest, time.time_ns())
        for file in gone:
            (self._folder / file.name).unlink(missing_ok=True)
        if gone:
            self._commit(upkeep.removed(self._manifest, gone))

    # -- start -----------------------------------------------------------------------------------------------

    def _release_lock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def _take_lock(self) -> None:
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not is_locked(self._lock):
            pid = os.pread(self._lock, 20, 0).decode().strip() or "unknown"
            raise ConfigurationError(
                f"store {self._folder} is being written by another flowherd (pid {pid}); "
                "stop that one or choose another folder: --sink store:DIR"
            )
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _read(self) -> Manifest:
        try:
            return manifests.read(self._folder)
        except FileNotFoundError:
            self._refuse_nameless()
            return Manifest()
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"store {self._folder}: manifest.json cannot be read ({error}); "
                "move the folder away to begin anew"
            ) from error

    def _refuse_nameless(self) -> None:
        """A store begins with a manifest: segments without one are somebody's records, not what a kill left."""
        if any(path.suffix == ".parquet" for path in self._ours()):
            raise ConfigurationError(
                f"store {self._folder}: it has records and no manifest.json; move the folder away to begin anew"
            )

    def _ours(self) -> list[Path]:
        """Files we made; others in the folder are not touched."""
        return [path for path in self._folder.iterdir() if OURS.fullmatch(path.name)]

    def _remove_strays(self) -> None:
        named = {segment.name for segment in self._manifest.segments}
        named |= {retired.name for retired in self._manifest.retired}
        for path in self._ours():
            if path.name not in named:
                log.info("removing a file no manifest names", file=path.name)
                path.unlink()
