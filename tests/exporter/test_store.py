"""The store: each record once, whatever step a kill comes in, and however many read meanwhile."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from exporter.orders import Orders, SinkOrder
from exporter.sinks import upkeep
from exporter.sinks.base import Place
from exporter.sinks.store import Store
from shared import manifest as manifests
from shared.element import in_order
from shared.elements import BASE
from shared.errors import ConfigurationError
from shared.manifest import Manifest, Segment
from shared.record import Batch
from tests.exporter.rig import put_texts, some_rows, stored

HOUR_S = 3600
QUERY = (sys.executable, "-I", "-m", "console", "query", "--store")


def place(folder, **more):
    order = SinkOrder("store", "store", str(folder))
    return Place(order, Orders((order,), durable=False, **more), folder, "cafe" * 4)


def batch(first, count):
    return Batch("eth0", 2, 1, some_rows(first, count))


def filled(folder, segments, rows=10, **more):
    """A store with so many segments, and its cursor at their number."""
    store = Store(place(folder, **more))
    cursor = store.open(0)
    for sequence in range(cursor + 1, segments + 1):
        store.add(sequence, batch((sequence - 1) * rows, rows))
        store.flush()
    return store


def on_disk(folder):
    return {path.name for path in folder.glob("*.parquet")}


def named(folder):
    found = manifests.read(folder)
    return {segment.name for segment in found.segments} | {retired.name for retired in found.retired}


def test_the_cursor_is_committed_with_the_segment(tmp_path):
    filled(tmp_path, 3).close()
    store = Store(place(tmp_path))
    assert store.open(99) == 3
    store.close()
    assert stored(tmp_path) == list(range(30))


def test_a_new_store_starts_at_now_and_remembers_that(tmp_path):
    store = Store(place(tmp_path))
    assert store.open(41) == 41
    store.close()
    again = Store(place(tmp_path))
    assert again.open(50) == 41
    again.close()


def test_one_process_writes_at_a_time(tmp_path):
    """The second is told the first one's pid."""
    store = filled(tmp_path, 1)
    with pytest.raises(ConfigurationError, match=f"another flowherd .pid {os.getpid()}"):
        Store(place(tmp_path)).open(0)
    store.close()


def test_the_first_flush_comes_soon_and_later_ones_seldom(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("exporter.sinks.store.time.monotonic", lambda: now[0])
    store = Store(place(tmp_path))
    store.open(0)
    waits = []
    for sequence in range(1, 7):
        store.add(sequence, batch(sequence, 1))
        begun = now[0]
        while not store.due(idle=True):
            now[0] += 0.5
        store.flush()
        waits.append(now[0] - begun)
    assert waits == [5, 10, 20, 40, 60, 60]
    store.close()


def test_hours_that_are_over_are_merged(tmp_path, monkeypatch):
    store = filled(tmp_path, 5)
    old = named(tmp_path)
    later_ns = time.time_ns() + HOUR_S * 10**9
    monkeypatch.setattr("exporter.sinks.store.time.time_ns", lambda: later_ns)
    store.tidy()
    (segment,) = manifests.read(tmp_path).segments
    assert (segment.rows, segment.merged) == (50, True)
    assert old < on_disk(tmp_path), "a query begun before still finds what it needs"
    monkeypatch.setattr("exporter.sinks.store.time.time_ns", lambda: later_ns + upkeep.GRACE_NS)
    store._tidy_s = 0
    store.tidy()
    assert {segment.name} == on_disk(tmp_path)
    assert stored(tmp_path) == list(range(50))
    store.close()


def test_old_and_too_large_files_are_let_go_and_counted(tmp_path):
    store = filled(tmp_path, 4, rows=10)
    size = manifests.read(tmp_path).size_bytes
    store.close()
    small = Store(place(tmp_path, store_mib=0))
    small.open(0)
    small.tidy()
    assert small.figures()["store_expired_records"] == 40
    assert manifests.read(tmp_path).size_bytes == 0 < size
    small.close()


KILLED = """
import os, sys
from pathlib import Path
folder, step = Path(sys.argv[1]), int(sys.argv[2])
from exporter.sinks import store, upkeep
from tests.exporter.test_store import place, batch
import exporter.sinks.parquet
store.warm()
STEPS = {"os.rename", "os.remove", "os.truncate", "open", "os.mkdir"}
count = 0
def watch(event, args):
    global count
    if event in STEPS and str(folder) in str(args[0]):
        count += 1
        if count == step:
            os._exit(9)
made = store.Store(place(folder))
sys.addaudithook(watch)
cursor = made.open(0)
upkeep.SMALL_FILES, upkeep.GRACE_NS, store.TIDY_S = 2, 0, 0
for sequence in range(cursor + 1, 5):
    made.add(sequence, batch((sequence - 1) * 10, 10))
    made.flush()
    made.tidy()
made.close()
"""


@pytest.mark.slow
def test_a_kill_in_any_step_leaves_each_record_once(tmp_path):
    """Killed before the first file operation, the second, and so on: what is in the manifest is whole."""
    for step in range(1, 400):
        folder = tmp_path / str(step)
        folder.mkdir()
        run = [sys.executable, "-c", KILLED, str(folder)]
        ended = subprocess.run([*run, str(step)], check=False, cwd=Path(__file__).parents[2])
        found = stored(folder) if (folder / "manifest.json").exists() else []
        cursor = manifests.read(folder).cursors["cafe" * 4] if found else 0
        assert found == list(range(cursor * 10)), f"killed in step {step}"
        if ended.returncode == 0:
            assert step > 20
            return
        assert ended.returncode == 9
        if step % 4 == 0:
            subprocess.run([*run, "0"], check=True, cwd=Path(__file__).parents[2])
            assert stored(folder) == list(range(40))
            counted = {segment.name for segment in manifests.read(folder).segments}
            assert counted <= on_disk(folder) <= named(folder)
    raise AssertionError("never came to its end")


def test_readers_never_see_half_a_merge(tmp_path, monkeypatch):
    """One thread merges and removes without grace, others count in a loop: never fewer, never doubled."""
    monkeypatch.setattr(upkeep, "SMALL_FILES", 4)
    monkeypatch.setattr("exporter.sinks.store.TIDY_S", 0.0)
    store = filled(tmp_path, 1, rows=1000)
    seen, errors, done = [], [], threading.Event()

    def read():
        while not done.is_set():
            before = manifests.read(tmp_path).cursors["cafe" * 4]
            answer = subprocess.run(
                [*QUERY, str(tmp_path), "--json", "select count(*) n, count(distinct bytes) d from flows"],
                capture_output=True,
                text=True,
                check=False,
            )
            if answer.returncode:
                errors.append(answer.stderr)
                return
            (row,) = json.loads(answer.stdout)
            seen.append((before * 1000, row["n"], row["d"]))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    sequence, end = 1, time.monotonic() + 6
    while time.monotonic() < end:
        sequence += 1
        store.add(sequence, batch((sequence - 1) * 1000, 1000))
        store.flush()
        store.tidy()
    done.set()
    for reader in readers:
        reader.join()
    store.close()
    assert errors == []
    assert len(seen) > 4
    for least, rows, distinct in seen:
        assert rows == distinct >= least
    assert any(segment.merged for segment in manifests.read(tmp_path).segments)


def test_a_store_removed_meanwhile_begins_anew(tmp_path):
    """The failed attempt is followed by a store with what came since."""
    folder = tmp_path / "store"
    folder.mkdir()
    store = filled(folder, 2)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    store.add(3, batch(20, 10))
    with pytest.raises(duckdb.Error):
        store.flush()
    store.discard()
    store.add(3, batch(20, 10))
    store.flush()
    store.close()
    assert stored(folder) == list(range(20, 30))


def test_segments_of_a_former_flowherd_stay_readable(tmp_path, monkeypatch):
    """They have all of its columns, and lack those that came later: null, also after a merge with new ones."""
    filled(tmp_path, 1).close()
    (old,) = manifests.read(tmp_path).segments
    all_null = ", ".join(f"NULL::{element.sql} AS {element.name}" for element in in_order(BASE))
    former = f"SELECT {all_null} WHERE false UNION ALL BY NAME FROM read_parquet('{tmp_path / old.name}')"
    duckdb.execute(f"CREATE TEMP TABLE former AS {former}")
    duckdb.sql("FROM former").write_parquet(str(tmp_path / old.name))
    duckdb.execute("DROP TABLE former")
    rows = some_rows(10, 1)
    rows["retransmits"], rows["app_protocol"] = 7, 1
    texts = put_texts(rows, [(b"example.com",)])
    store = Store(place(tmp_path))
    store.open(0)
    store.add(2, Batch("eth0", 2, 1, rows, texts=texts))
    store.flush()
    sql = "select bytes, retransmits, dns_query, rev_mss from flows order by bytes desc limit 2"
    found = [
        {"bytes": 10, "retransmits": 7, "dns_query": "example.com", "rev_mss": None},
        {"bytes": 9, "retransmits": None, "dns_query": None, "rev_mss": None},
    ]
    assert asked(tmp_path, sql) == found
    later_ns = time.time_ns() + HOUR_S * 10**9
    monkeypatch.setattr("exporter.sinks.store.time.time_ns", lambda: later_ns)
    store.tidy()
    store.close()
    assert [segment.merged for segment in manifests.read(tmp_path).segments] == [True]
    assert asked(tmp_path, sql) == found


def asked(folder, sql):
    answer = subprocess.run([*QUERY, str(folder), "--json", sql], capture_output=True, check=True)
    return json.loads(answer.stdout)


def segment(number, made_s, size_bytes=100, *, merged=False):
    return Segment(f"segment-{number}", 1, size_bytes, 0, 0, made_s * 10**9, merged)


def test_upkeep_merges_one_hour_at_a_time():
    """Oldest hour first, never across hours, never the hour that runs."""
    manifest = Manifest(tuple(segment(number, 1800 * number) for number in range(6)))
    assert upkeep.to_merge(manifest, 2 * HOUR_S * 10**9) == manifest.segments[:2]
    assert upkeep.to_merge(manifest, 0) == ()
    assert upkeep.to_merge(Manifest(), 0) == ()


def test_upkeep_merges_many_small_files_of_this_hour():
    manifest = Manifest(tuple(segment(number, number) for number in range(upkeep.SMALL_FILES)))
    assert upkeep.to_merge(manifest, 100 * 10**9) == manifest.segments


def test_upkeep_keeps_the_newest_cursors():
    manifest = Manifest()
    for number in range(100):
        manifest = upkeep.added(manifest, None, f"spool {number}", number)
    assert len(manifest.cursors) == upkeep.KEPT_CURSORS
    assert manifest.cursors["spool 99"] == 99


def test_upkeep_lets_go_of_the_oldest_first():
    manifest = Manifest(tuple(segment(number, number) for number in (3, 1, 2)))
    assert [one.made_ns // 10**9 for one in upkeep.outdated(manifest, 100, 1e9, 10**10)] == [1, 2]
    assert [one.made_ns // 10**9 for one in upkeep.outdated(manifest, 1000, 7.5, 10**10)] == [1, 2]


def test_files_of_others_are_left_alone(tmp_path):
    """A folder that held something before is nobody's to clean."""
    others = [tmp_path / name for name in ("mine.parquet", "notes.tmp", "segment-1.parquet")]
    for path in others:
        path.write_text("mine")
    filled(tmp_path, 1).close()
    filled(tmp_path, 2).close()
    assert [path.read_text() for path in others] == ["mine"] * 3


def test_records_without_a_manifest_are_not_removed(tmp_path):
    filled(tmp_path, 2).close()
    (tmp_path / "manifest.json").unlink()
    before = sorted(tmp_path.glob("*.parquet"))
    store = Store(place(tmp_path))
    with pytest.raises(ConfigurationError, match="records and no manifest"):
        store.open(0)
    store.close()
    assert before == sorted(tmp_path.glob("*.parquet"))


def damage(found):
    yield []
    yield 3
    yield found | {"cursors": []}
    yield found | {"cursors": {"a": "b"}}
    yield found | {"segments": 3}
    for name, value in (("rows", None), ("name", 3), ("made_ns", "x"), ("name", "../a"), ("more", 1)):
        yield found | {"segments": [found["segments"][0] | {name: value}]}


def test_a_damaged_manifest_is_a_sentence_and_removes_nothing(tmp_path):
    filled(tmp_path, 1).close()
    before = sorted(tmp_path.glob("*.parquet"))
    for content in damage(json.loads((tmp_path / "manifest.json").read_text())):
        (tmp_path / "manifest.json").write_text(json.dumps(content))
        store = Store(place(tmp_path))
        with pytest.raises(ConfigurationError, match=r"manifest\.json cannot be read"):
            store.open(0)
        store.close()
    assert before == sorted(tmp_path.glob("*.parquet"))
