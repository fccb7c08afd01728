"""The exporter's world goes wrong under a live run: capture never notices, and what can be kept is kept."""

import contextlib
import os
import random
import re
import shutil
import signal

import duckdb
import pytest

from bench import kills, taker, tree
from bench.disk import full, small_disk
from bench.victims import Victims
from tests.system.host import flowherd, run, until

pytestmark = [pytest.mark.root, pytest.mark.slow]
PPS, SECONDS, FLOWS = 10_000, 0.4, 200
EXPORTER_MIB = 250
EMPTY = "select count(*) from '{}/store/*.parquet' where packets = 0"
SHORT = (
    "--active-timeout-s",
    "0.5",
    "--idle-timeout-s",
    "0.5",
)  # many records, so that the exporter has work


@pytest.fixture
def place():
    with taker.road() as made:
        yield made


def send(place):
    return taker.send(place, PPS, SECONDS, flows=FLOWS)["packets"]


def exporter_of(live):
    return Victims(live.process.pid, random.Random()).of("exporter")


def settled(live, sent):
    """The worker has them all, and lost none."""
    now = live.received(sent)
    assert now["kernel_dropped"] == 0
    assert now["records_dropped"] == 0


@contextlib.contextmanager
def read_only(live, folder):
    """What they open there from now on cannot be written."""
    inside = ("nsenter", "-m", "-t", str(live.process.pid))
    run(*inside, "mount", "--bind", folder, folder)
    run(*inside, "mount", "-o", "remount,bind,ro", folder)
    try:
        yield
    finally:
        run(*inside, "umount", "-l", folder)


def filled(_live, folder):
    """No octet is free."""
    return full(folder)


@pytest.mark.parametrize("fault", [filled, read_only])
def test_a_disk_that_takes_nothing_costs_nothing(place, folder, fault):
    """Nor does an exporter that dies meanwhile: its successors cannot begin, and are waited for."""
    with small_disk(folder / "state", 16) as disk, flowherd(place, folder, *SHORT, sink="store") as live:
        live.capturing()
        sent = send(place)
        until(lambda: live.counters()["acknowledged"], live.said)  # a disk that is full at the start ends it
        with fault(live, disk):
            sent += send(place)
            os.kill(exporter_of(live), signal.SIGKILL)
            until(lambda: live.said().count("exporter ended") >= 2, live.said)
            sent += send(place)
            settled(live, sent)
        until(lambda: (pid := exporter_of(live)) and tree.own(pid).pss_mib, "an exporter")
        sent += send(place)
        settled(live, sent)
        until(lambda: live.counters()["acknowledged"] > 0, "acknowledgements")
        assert tree.own(exporter_of(live)).rss_mib < EXPORTER_MIB
        live.stop()
        assert "Traceback" not in live.said()
        assert kills.in_store(disk / "store")[0] == sent


def test_an_outbox_that_overflows_counts_what_it_drops(place, folder):
    """The disk is full for long: what is stored and what is dropped are all that was made, and nothing is empty."""
    words = (*SHORT, "--table-mib", "8", "--max-flows", "2000")
    with small_disk(folder / "state", 16) as disk, flowherd(place, folder, *words, sink="store") as live:
        live.capturing()
        sent = send(place)
        until(lambda: live.counters()["acknowledged"], live.said)  # a disk that is full at the start ends it
        with full(disk):
            for _ in range(6):
                sent += taker.send(place, PPS, SECONDS, flows=2000)["packets"]
                settled_or_dropped(live, sent)
            until(lambda: live.counters()["records_dropped"], live.said)
        until(lambda: live.counters()["acknowledged"] == live.counters()["head"], live.counters)
        live.stop()
        packets, records = kills.in_store(disk / "store")
        ((empty,),) = duckdb.sql(EMPTY.format(disk)).fetchall()
    made, stored, dropped = told(live.said())
    assert (stored, empty) == (records, 0)
    assert stored + dropped == made
    assert 0 < packets < sent


def settled_or_dropped(live, sent):
    """The worker has all packets; records may go."""
    assert live.received(sent)["kernel_dropped"] == 0


def told(said):
    """Records made, stored and dropped, by the last line."""
    found = re.search(r"([\d,]+) flow records \(store ([\d,]+)\).*?([\d,]+) records dropped", said)
    assert found, said
    return [int(number.replace(",", "")) for number in found.groups()]


def test_folders_removed_under_it_are_made_again(place, folder):
    """Spool and store: what was in them is gone, what comes is kept, by the service user who may not make folders."""
    state = folder / "state"
    with flowherd(place, folder, *SHORT, sink="store") as live:
        live.capturing()
        before = send(place)
        settled(live, before)
        until(lambda: live.counters()["acknowledged"] == live.counters()["head"], "acknowledgements")
        for name in ("spool", "store"):
            shutil.rmtree(state / name)
        until(lambda: live.said().count("made again") == 2, live.said)
        after = send(place)
        settled(live, before + after)
        live.stop()
    said = live.said()
    assert "Traceback" not in said
    stored = kills.in_store(state / "store")[0]
    assert after <= stored <= before + after
    assert said.count("sink works again") == bool("sink failed" in said)


def test_an_exporter_that_stands_still_is_not_waited_for(place, folder):
    """A slow disk is the same to all others: it does not read, then it does."""
    with flowherd(place, folder, *SHORT, sink="store") as live:
        live.capturing()
        sent, pid = send(place), exporter_of(live)
        os.kill(pid, signal.SIGSTOP)
        sent += send(place) + send(place)
        settled(live, sent)
        os.kill(pid, signal.SIGCONT)
        live.stop()
    assert kills.in_store(folder / "state" / "store")[0] == sent


def test_a_spool_of_another_version_is_set_aside(place, folder):
    """Its header says so: one line, and what comes is delivered."""
    from exporter.spoolfile import HEADER, MARK, SEAL

    spool = folder / "state" / "spool"
    spool.mkdir(parents=True)
    for number in (1, 2, 3):
        old = spool / f"{number:012d}-{77:016x}-{number * 10}-10.batch"
        old.write_bytes(SEAL.pack(MARK.replace(b"1", b"0"), 1) + HEADER.pack(0, 0, 77, 0, 10) + b"of old")
    with flowherd(place, folder, *SHORT, sink=f"jsonl:{folder}/flows.jsonl") as live:
        live.capturing()
        sent = send(place)
        settled(live, sent)
        records = live.stop()
    assert sum(record["packets"] + record["rev_packets"] for record in records) == sent
    assert "Traceback" not in live.said()


def test_descriptors_run_out(place, folder):
    """More NICs come than there are descriptors for: a sentence for each, and those that are watched stay so."""
    limited = ("prlimit", "--nofile=72:72")
    words = ("--interface", "v*", "--interface", "x*", "--ring-mib", "2", "--table-mib", "16")
    with flowherd(place, folder, *words, sink="null", prefix=limited) as live:
        first = live.capturing("vb")
        for number in range(12):
            place.join(f"x{number}", f"y{number}")
        until(lambda: "too many open files, 72 are allowed" in live.said(), live.said)
        os.kill(first, signal.SIGKILL)
        until(lambda: live.counters("vb")["pid"] != first, live.said)
        live.capturing("x0")
        live.process.send_signal(signal.SIGTERM)
        assert live.process.wait(30) == 0, live.said()
    assert "Traceback" not in live.said()
