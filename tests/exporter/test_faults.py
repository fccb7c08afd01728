"""The exporter's world goes wrong: full disk, dead and stuck sinks, damage, folders of others."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.exporter.rig import exporter, free_port, message, settings, stored, until


def refusal(ordered, **ids):
    with exporter(ordered, **ids) as rig:
        refused = rig.hear("refused")
        assert rig.process.wait(10) == refused["code"]
        return refused


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_stuck_sink_stops_no_other(tmp_path):
    """Nobody reads the pipe of jsonl; the store goes on, and the report says how far jsonl is behind."""
    read_end, write_end = os.pipe()
    with exporter(settings(tmp_path, "jsonl", "null"), [write_end]) as rig:
        os.close(write_end)
        rig.hear("ready")
        worker = rig.worker()
        for first in range(0, 20_000, 1000):
            worker.send(message(1, first, 1000))
        until(lambda: worker.listen().get(1) == 20_000)

        def told():
            stuck, other = rig.hear("report")["sinks"]
            return other["records"] == 20_000 and stuck["records"] < 20_000 and stuck["lag_s"] > 1

        until(told)
        assert rig.reports[-1]["spool_bytes"] > 0
        os.close(read_end)


def test_a_reader_that_leaves_ends_its_sink_alone(tmp_path):
    """`… --sink jsonl:- | head`: the others get everything, and the spool waits for nobody."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with exporter(settings(tmp_path, "jsonl", "store"), [write_end], loud=False) as rig:
        os.close(write_end)
        rig.hear("ready")
        worker = rig.worker()
        worker.send(message(1, 0, 1000))
        until(lambda: worker.listen().get(1) == 1000)
        worker.close()
        gone, store = rig.drain()["sinks"]
    assert "closed" in gone["error"]
    assert (gone["records"], store["records"]) == (0, 1000)


def test_a_failing_sink_tries_again(tmp_path):
    """The store's folder is lost and comes back; nothing acknowledged is missing from the new one."""
    with exporter(settings(tmp_path, "store"), loud=False) as rig:
        rig.hear("ready")
        store = tmp_path / "store"
        for path in store.iterdir():
            path.unlink()
        store.rmdir()
        store.write_text("in the way")
        worker = rig.worker()
        worker.send(message(1, 0, 1000))
        until(lambda: rig.hear("report")["sinks"][0]["errors"] >= 2, 30)
        assert rig.reports[-1]["sinks"][0]["error"]
        store.unlink()
        until(lambda: rig.hear("report")["sinks"][0]["records"] == 1000, 30)
        rig.drain()
    assert stored(store) == list(range(1000))


def test_the_budget_drops_the_oldest_for_a_stuck_sink(tmp_path):
    """Counted for the sink that missed them; the other one had them all."""
    read_end, write_end = os.pipe()
    with exporter(settings(tmp_path, "jsonl", "null", durable=True, spool_mib=1), [write_end]) as rig:
        os.close(write_end)
        rig.hear("ready")
        worker = rig.worker()
        for first in range(0, 30_000, 1000):
            worker.send(message(1, first, 1000))
        until(lambda: worker.listen().get(1) == 30_000)

        def told():
            stuck, other = rig.hear("report")["sinks"]
            return stuck["dropped"] > 10_000 and other["records"] + other["dropped"] == 30_000

        until(told)
        assert rig.reports[-1]["spool_bytes"] <= 1 << 20
        os.close(read_end)


def test_a_spool_of_one_run_drops_nothing(tmp_path):
    """Replay: the worker waits until the sink has made room."""
    read_end, write_end = os.pipe()
    with exporter(settings(tmp_path, "jsonl", spool_mib=1), [write_end]) as rig:
        os.close(write_end)
        rig.hear("ready")
        worker = rig.worker()
        os.set_blocking(read_end, False)
        sent = b"".join(message(1, first, 1000) for first in range(0, 30_000, 1000))
        got, rest = bytearray(), memoryview(sent)
        end = time.monotonic() + 30
        while got.count(b"\n") < 30_000 and time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                rest = rest[os.write(worker.batches, rest[:65536]) :] if rest else rest
            worker.listen()
            with contextlib.suppress(BlockingIOError):
                got += os.read(read_end, 1 << 20)
        numbers = [json.loads(line)["bytes"] for line in got.splitlines()]
        assert numbers == list(range(30_000))
        assert until(lambda: worker.listen().get(1)) == 30_000
        os.close(read_end)


def test_a_store_removed_while_records_wait_gets_them(tmp_path):
    """What it had committed is gone with it; what waited in the spool is not."""
    ordered = settings(tmp_path, "store")
    with exporter(ordered) as rig:
        rig.hear("ready")
        worker = rig.worker()
        worker.send(message(1, 0, 10))
        until(lambda: stored(tmp_path / "store") == list(range(10)))
        for first in range(10, 60, 10):
            worker.send(message(1, first, 10))
        until(lambda: worker.listen().get(1) == 60)
        rig.kill()
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store").mkdir()
    with exporter(ordered) as rig:
        rig.hear("ready")
        (sink,) = rig.drain()["sinks"]
    assert (sink["records"], sink["dropped"], sink["waiting"]) == (50, 0, 0)
    assert stored(tmp_path / "store") == list(range(10, 60))


def test_a_corrupt_spool_file_is_set_aside(tmp_path):
    """The rest is delivered, the damage is counted."""
    read_end, write_end = os.pipe()
    with exporter(settings(tmp_path, "jsonl"), [write_end]) as rig:
        rig.hear("ready")
        worker = rig.worker()
        worker.send(b"".join(message(1, first, 1000) for first in range(0, 10_000, 1000)))
        until(lambda: worker.listen().get(1) == 10_000)
        rig.kill()
    os.close(read_end)
    files = sorted((tmp_path / "spool").glob("*.batch"))
    with files[-2].open("r+b") as file:
        file.seek(500)
        file.write(b"damage")
    port = free_port()
    out = os.open(tmp_path / "flows.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    with exporter(settings(tmp_path, "jsonl", status_port=port), [out], loud=False) as rig:
        rig.hear("ready")
        until(lambda: rig.hear("report")["spool_bytes"] == 0)
        rig.drain()
    numbers = [json.loads(line)["bytes"] for line in (tmp_path / "flows.jsonl").read_text().splitlines()]
    assert numbers[-1000:] == list(range(9000, 10_000))
    assert 8500 not in numbers
    assert len(list((tmp_path / "spool").glob("*.corrupt"))) == 1


@pytest.mark.root
def test_a_full_disk_holds_workers_back_until_there_is_room(tmp_path):
    """Nothing is acknowledged that is not on disk, memory stays bounded, and all of it arrives in the end."""
    with small_disk(tmp_path / "disk", "1m") as disk:
        out = os.open(tmp_path / "flows.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        filler = disk / "filler"
        ordered = settings(tmp_path, "jsonl", spool_dir=str(disk), durable=True)
        with exporter(ordered, [out], loud=False) as rig:
            rig.hear("ready")
            worker = rig.worker()
            worker.send(message(1, 0, 100))
            until(lambda: worker.listen().get(1) == 100)
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            for first in range(100, 3000, 100):
                worker.send(message(1, first, 100))
            for _ in range(2):
                rig.hear("report")
            assert worker.listen()[1] < 1000
            filler.unlink()
            until(lambda: worker.listen().get(1) == 3000)
            assert rig.drain()["records"] == 3000
        os.close(out)
    numbers = [json.loads(line)["bytes"] for line in (tmp_path / "flows.jsonl").read_text().splitlines()]
    assert numbers == list(range(3000))


@pytest.mark.root
def test_a_store_without_room_says_so_in_one_sentence(tmp_path):
    """Not in its library's words; when there is room again, all of it arrives."""
    with small_disk(tmp_path / "store", "1m") as disk:
        filler = disk / "filler"
        with exporter(settings(tmp_path, "store"), loud=False) as rig:
            rig.hear("ready")
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            worker = rig.worker()
            worker.send(message(1, 0, 1000))
            until(lambda: rig.hear("report")["sinks"][0]["error"], 30)
            error = rig.reports[-1]["sinks"][0]["error"]
            assert error == f"no room is left on the disk of {disk}; make some, or choose another place"
            filler.unlink()
            until(lambda: rig.hear("report")["sinks"][0]["records"] == 1000, 30)
            rig.drain()


@pytest.mark.root
def test_a_disk_full_at_start_is_refused(tmp_path):
    with small_disk(tmp_path / "disk", "64k") as disk:
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        refused = refusal(settings(tmp_path, "jsonl", spool_dir=str(disk)))
    assert refused["code"] == 1
    assert "no space left" in refused["why"]


@pytest.mark.root
@pytest.mark.parametrize("what", ["store", "spool"])
def test_a_place_the_service_user_cannot_write_is_refused(folder, what):
    (folder / what).mkdir(mode=0o755)
    refused = refusal(settings(folder, "store"), user="nobody", uid=65534, gid=65534)
    assert refused["code"] == 78
    assert f"{what} {folder / what} cannot be written by user nobody" in refused["why"]


@pytest.mark.root
def test_a_place_the_service_user_cannot_reach_is_refused(folder):
    """The remedy is another folder, as a chown would not help."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    refused = refusal(settings(closed, "store"), user="nobody", uid=65534, gid=65534)
    assert refused["code"] == 78
    assert f"{closed} lets that user not even in" in refused["why"]


@pytest.mark.root
def test_it_works_as_the_service_user(folder):
    """Folders it makes belong to that user; no capability and no way back is left."""
    with exporter(settings(folder, "store"), user="nobody", uid=65534, gid=65534) as rig:
        rig.hear("ready")
        lines = Path(f"/proc/{rig.process.pid}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert status["Uid"].split() == ["65534"] * 4
        assert status["Groups"].split() == []
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        worker = rig.worker()
        worker.send(message(1, 0, 1000))
        until(lambda: worker.listen().get(1) == 1000)
        worker.close()
        rig.drain()
    assert (folder / "spool").stat().st_uid == (folder / "store").stat().st_uid == 65534
    assert stored(folder / "store") == list(range(1000))


WATCHED = """
import os, sys
from exporter import privileges
become, dropped, late = privileges.become, [], []
privileges.become = lambda orders: (become(orders), dropped.append(True))
def watch(event, details):
    if dropped and event == "import":
        late.append(details[0])
sys.addaudithook(watch)
from exporter.run import main
code = main(int(sys.argv[1]))
os.write(2, b"IMPORTED " + " ".join(late).encode())
os._exit(code)
"""


@pytest.mark.root
def test_nothing_is_imported_after_the_drop(folder):
    """The service user may be unable to read the environment: all is loaded before."""
    port, out = free_port(), os.open(folder / "flows.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    ordered = settings(folder, "store", "jsonl", status_port=port, top=True)
    who = {"user": "nobody", "uid": 65534, "gid": 65534}
    with exporter(ordered, [out], **who, program=("-c", WATCHED), stderr=subprocess.PIPE) as rig:
        rig.hear("ready")
        worker = rig.worker()
        worker.send(message(1, 0, 1000))
        until(lambda: worker.listen().get(1) == 1000)
        for path in ("/metrics", "/v1/status"):
            urlopen(f"http://127.0.0.1:{port}{path}").read()
        rig.hear("report")
        worker.send(b"out of step " * 10)
        rig.hear("broken")
        rig.drain()
        said = rig.process.stderr.read().decode()
        rig.process.stderr.close()
    assert "out of step" in said
    imported = said.partition("IMPORTED")[2].split()
    assert imported == []


def test_a_port_in_use_is_refused(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = refusal(settings(tmp_path, "null", status_port=port))
    assert refused["code"] == 78
    assert f"status page 127.0.0.1:{port} cannot be opened" in refused["why"]


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "spool").write_text("")
    refused = refusal(settings(tmp_path, "store"))
    assert refused["code"] == 78
    assert "spool" in refused["why"]


def test_the_supervisor_is_gone(tmp_path):
    """Pipes are read to their end, sinks flushed, and the process ends by itself."""
    with exporter(settings(tmp_path, "store")) as rig:
        rig.hear("ready")
        worker = rig.worker()
        worker.send(message(1, 0, 1000))
        rig.control.close()
        worker.send(message(1, 1000, 1000))
        worker.close()
        assert rig.process.wait(10) == 0
    assert stored(tmp_path / "store") == list(range(2000))


def test_ctrl_c_is_the_supervisors(tmp_path):
    with exporter(settings(tmp_path, "null")) as rig:
        rig.hear("ready")
        rig.process.send_signal(2)
        rig.hear("report")
        rig.drain()
