"""The spool: order, budget, recovery, damage."""

import time

import msgpack
import pytest

from exporter.spool import HOUR_S, Spool
from shared.record import Batch, pack
from shared.wire import Message
from tests.exporter.rig import some_rows


def put(spool, epoch, first, records):
    payload = pack(Batch("eth0", 2, 1, some_rows(first, records)))
    spool.put(Message(epoch, first, records, payload), 0)
    spool.sync()


def held(spool):
    out, sequence = [], 0
    while (entry := spool.after(sequence)) is not None:
        out.append((entry.epoch, entry.next))
        sequence = entry.sequence
    return out


@pytest.mark.parametrize("durable", [False, True])
def test_batches_outlive_the_process(tmp_path, durable):
    put(Spool(tmp_path, durable=durable), 1, 0, 10)
    again = Spool(tmp_path, durable=durable)
    put(again, 1, 10, 10)
    assert held(again) == [(1, 10), (1, 20)]
    assert again.acknowledged(1) == 20
    assert again.acknowledged(2) is None
    assert again.last == 2


def test_what_was_not_synced_is_not_handed_out(tmp_path):
    spool = Spool(tmp_path, durable=False)
    spool.put(Message(1, 0, 10, pack(Batch("eth0", 2, 1, some_rows(0, 10)))), 0)
    assert spool.after(0) is None
    spool.sync()
    assert spool.after(0).next == 10


def test_released_files_leave_only_names(tmp_path):
    """The newest file of an epoch is emptied: its name is the memory of what was acknowledged."""
    spool = Spool(tmp_path, durable=False)
    for first in (0, 10, 20):
        put(spool, 1, first, 10)
    put(spool, 2, 0, 5)
    spool.release(4)
    assert spool.bytes == 0
    assert {path.name[13:]: path.stat().st_size for path in tmp_path.glob("*.batch")} == {
        f"{1:016x}-30-10.batch": 0,
        f"{2:016x}-5-5.batch": 0,
    }
    again = Spool(tmp_path, durable=False)
    assert (again.acknowledged(1), again.acknowledged(2), again.last, held(again)) == (30, 5, 4, [])
    put(again, 1, 30, 10)
    assert sorted(path.name[:12] for path in tmp_path.glob("*.batch")) == ["000000000004", "000000000005"]


def test_epochs_that_are_long_over_are_forgotten(tmp_path, monkeypatch):
    """A host whose containers come and go has thousands a day; the last sequence stays known, and what waits."""
    spool = Spool(tmp_path, durable=False)
    for epoch in range(1, 6):
        put(spool, epoch, 0, 10)
    spool.release(4)
    spool.forget()
    assert spool.acknowledged(1) == 10
    now_s, now_ns = time.monotonic(), time.time_ns()
    monkeypatch.setattr(time, "monotonic", lambda: now_s + HOUR_S + 1)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns + int((HOUR_S + 1) * 1e9))
    put(spool, 7, 0, 10)
    spool.release(4)
    spool.forget()
    assert [spool.acknowledged(epoch) for epoch in (1, 2, 3, 4, 5, 7)] == [None, None, None, None, 10, 10]
    assert len(list(tmp_path.glob("*.batch"))) == 2
    spool.release(6)
    spool.forget()
    assert (spool.last, Spool(tmp_path, durable=False).last) == (6, 6)


def test_beyond_the_budget_the_oldest_are_dropped(tmp_path):
    spool = Spool(tmp_path, durable=False)
    for first in range(0, 100, 10):
        put(spool, 1, first, 10)
    keep = spool.bytes // 2
    dropped = []
    spool.keep_within(keep, 3600, dropped.append)
    assert [entry.next for entry in dropped] == [10, 20, 30, 40, 50]
    assert spool.bytes <= keep
    spool.keep_within(1 << 30, 0, dropped.append)
    assert len(dropped) == 10
    assert spool.acknowledged(1) == 100


@pytest.mark.parametrize("damage", ["cut", "flip", "schema", "empty head"])
def test_a_damaged_file_is_set_aside(tmp_path, damage):
    """It is renamed and counted; the rest is delivered."""
    spool = Spool(tmp_path, durable=False)
    for first in (0, 10, 20):
        put(spool, 1, first, 10)
    path = tmp_path / spool.after(1).name
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[:-1]
    elif damage == "empty head":
        content = content[:7]
    else:
        content[40 if damage == "flip" else 8] ^= 1
    path.write_bytes(content)
    again = Spool(tmp_path, durable=False)
    assert again.read(again.after(1)) is None
    assert held(again) == [(1, 10), (1, 30)]
    assert again.corrupt_files == 1
    assert again.corrupt_records == 10
    assert [path.with_suffix(".corrupt")] == list(tmp_path.glob("*.corrupt"))


def test_a_spool_has_one_name_for_life(tmp_path):
    assert Spool(tmp_path, durable=False).identity == Spool(tmp_path, durable=True).identity


def test_foreign_files_are_left_alone(tmp_path):
    (tmp_path / "notes.batch").write_text("mine")
    (tmp_path / "half.tmp").write_text("ours, half written")
    Spool(tmp_path, durable=False)
    assert (tmp_path / "notes.batch").exists()
    assert not (tmp_path / "half.tmp").exists()


def test_batches_of_a_former_flowherd_are_set_aside(tmp_path):
    """Whole, but with other columns: kept for whoever can read them, counted, and no sink stops at them."""
    spool = Spool(tmp_path, durable=False)
    rows = some_rows(0, 10)[["start_ns", "bytes"]]
    former = {"schema": 1, "interface": "eth0", "ifindex": 2, "sample_rate": 1, "counters": {}, "strings": []}
    payload = msgpack.packb(former | {"rows": rows.tobytes()})
    spool.put(Message(1, 0, 10, payload), 0)
    put(spool, 2, 0, 5)
    assert spool.read(spool.after(0)) is None
    assert (spool.corrupt_files, spool.corrupt_records, held(spool)) == (1, 10, [(2, 5)])
    (kept,) = tmp_path.glob("*.corrupt")
    assert payload in kept.read_bytes()
    assert Spool(tmp_path, durable=False).acknowledged(1) == 10
