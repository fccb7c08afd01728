"""The outlet: whatever the pipe takes at a time, after fresh pipes, with nobody who acknowledges, and in a hurry."""

import contextlib
import fcntl
import os
import select
from mmap import PAGESIZE

import numpy as np
import pytest

from shared import wire
from shared.record import unpack
from tests.worker.rig import Frames, Kernels
from tests.worker.test_table import udp
from tests.worker.trial import START_NS
from worker.outlet import BATCH_RECORDS, HEAD, SHED_RECORDS, Outlet

PIPE_BYTES = 4096


class Exporter:
    """The other ends of both pipes; `numbers` are the records that came, in order."""

    def __init__(self):
        self.batches, their_batches = os.pipe()
        their_acks, self.acks = os.pipe()
        fcntl.fcntl(their_batches, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self.batches, False)
        self.theirs = their_batches, their_acks
        self.reader, self.messages = wire.Reader(), []

    def read(self, most=1 << 20):
        with contextlib.suppress(BlockingIOError):
            self.messages += self.reader.feed(os.read(self.batches, most))
        return self.messages

    def acknowledge(self, epoch, following):
        os.write(self.acks, wire.ACK.pack(epoch, following))

    @property
    def numbers(self):
        return [n for message in self.messages for n in range(message.first, message.first + message.records)]

    def close(self):
        os.close(self.batches)
        os.close(self.acks)


@pytest.fixture
def exporter():
    return Exporter()


def outlet_with(exporter, count, size_bytes=8 << 20):
    """An outlet whose outbox holds `count` records of one packet each."""
    kernels = Kernels(max_flows=max(count, 64), size_bytes=size_bytes)
    kernels["epoch"] = 7
    outlet = Outlet(kernels.table, *exporter.theirs, "eth0", 3)
    write(kernels, count)
    return kernels, outlet


def write(kernels, count):
    """`count` more records, numbered by their ports."""
    from worker.expiry import end_all

    first = kernels["head"]
    kernels.feed_only(Frames([(START_NS, 101, udp(1, 2, 1024, (first + i) % 60000)) for i in range(count)]))
    while end_all(kernels.table, 1000):
        pass


def is_sent(outlet):
    """Everything written has gone into a message, and the message into the pipe."""
    return not outlet._pieces and outlet._sent == int(outlet._words[HEAD])


def until(condition, outlet, exporter):
    """Pump and read until it is so."""
    for _ in range(100_000):
        outlet.pump(urgent=True)
        exporter.read()
        if condition():
            return
    raise AssertionError("it did not come")


def test_everything_arrives_through_a_small_pipe(exporter):
    """Messages are many times larger than the pipe: written in pieces, cut at the right places."""
    kernels, outlet = outlet_with(exporter, 3000)
    until(lambda: is_sent(outlet), outlet, exporter)
    exporter.read()
    assert exporter.numbers == list(range(3000))
    batch = unpack(exporter.messages[0].payload)
    assert (batch.interface, batch.ifindex, batch.counters["records_sent"]) == ("eth0", 3, 3000)
    rows = np.concatenate([unpack(message.payload).rows for message in exporter.messages])
    assert sorted(rows["dst_port"]) == list(range(3000))
    assert kernels["batches_sent"] == len(exporter.messages)
    assert not outlet.is_empty


def test_only_acknowledged_records_are_let_go(exporter):
    kernels, outlet = outlet_with(exporter, 100)
    until(lambda: is_sent(outlet), outlet, exporter)
    for epoch, following, tail in ((7, 40, 40), (6, 90, 40), (7, 30, 40), (7, 100, 100)):
        exporter.acknowledge(epoch, following)
        outlet.pump()
        assert (kernels["tail"], kernels["acknowledged"]) == (tail, tail)
    assert outlet.is_empty


def test_fresh_pipes_send_the_unacknowledged_again_and_nothing_else(exporter):
    """Also when the last message was half written: its rest must not go into the new pipe."""
    kernels, outlet = outlet_with(exporter, 2000)
    outlet.pump(urgent=True)
    exporter.read(1000)
    exporter.acknowledge(7, 500)
    outlet.pump()
    exporter.close()
    second = Exporter()
    outlet.take_pipes(*second.theirs)
    until(lambda: is_sent(outlet), outlet, second)
    second.read()
    assert second.numbers == list(range(500, 2000))
    assert kernels["records_dropped"] == 0


def test_a_dead_exporter_is_noticed_and_harms_nothing(exporter):
    kernels, outlet = outlet_with(exporter, 10)
    exporter.close()
    outlet.pump(urgent=True)
    outlet.pump(urgent=True)
    assert outlet.broken
    outlet.wait(0.001)
    second = Exporter()
    outlet.take_pipes(*second.theirs)
    until(lambda: is_sent(outlet), outlet, second)
    assert second.numbers == list(range(10))
    assert kernels["head"] == 10


def test_live_capture_drops_the_oldest_when_nobody_acknowledges(exporter):
    kernels, outlet = outlet_with(exporter, 0, size_bytes=4 << 20)
    capacity = outlet.room
    assert capacity > BATCH_RECORDS // 4
    write(kernels, capacity - 10)
    outlet.make_room(5)
    assert kernels["records_dropped"] == 0
    outlet.make_room(100)
    assert outlet.room >= 100
    assert 90 <= kernels["records_dropped"] == kernels["tail"] <= capacity
    dropped = kernels["records_dropped"]
    until(lambda: is_sent(outlet), outlet, exporter)
    assert exporter.numbers == list(range(dropped, capacity - 10))


def test_dropping_never_goes_past_the_head(exporter):
    """The outbox may be smaller than what is let go at a time."""
    kernels, outlet = outlet_with(exporter, 0, size_bytes=1 << 20)
    capacity = outlet.room
    write(kernels, min(capacity, 50))
    outlet.make_room(capacity)
    assert kernels["tail"] <= kernels["head"]
    assert kernels["records_dropped"] <= kernels["head"]
    assert outlet.room <= capacity


def test_the_outbox_goes_round(exporter):
    """Many times its length, acknowledged as it goes: no record is lost, doubled or torn."""
    kernels, outlet = outlet_with(exporter, 0, size_bytes=2 << 20)
    capacity = outlet.room
    while kernels["head"] < capacity * 5:
        write(kernels, capacity // 3)
        until(lambda: is_sent(outlet), outlet, exporter)
        exporter.read()
        exporter.acknowledge(7, kernels["head"])
        outlet.pump()
    rows = np.concatenate([unpack(message.payload).rows for message in exporter.messages])
    assert sorted(rows["dst_port"]) == sorted(n % 60000 for n in range(kernels["head"]))
    assert exporter.numbers == list(range(kernels["head"]))
    assert outlet.is_empty


def test_wait_returns_when_an_acknowledgement_comes(exporter):
    _kernels, outlet = outlet_with(exporter, 10)
    until(lambda: is_sent(outlet), outlet, exporter)
    exporter.acknowledge(7, 10)
    outlet.wait(60)
    outlet.pump()
    assert outlet.is_empty


def test_a_young_batch_waits_and_a_large_one_does_not(exporter):
    kernels, outlet = outlet_with(exporter, 10)
    outlet.pump()
    assert not select.select([exporter.batches], [], [], 0)[0]
    write(kernels, BATCH_RECORDS)
    outlet.pump()
    assert select.select([exporter.batches], [], [], 0)[0]


def test_memory_of_delivered_records_goes_back(exporter):
    """Whole pages of what was acknowledged are free again; what was not stands, also round the ring's end."""
    kernels, outlet = outlet_with(exporter, 0, size_bytes=16 << 20)
    capacity, outbox = outlet.room, kernels.table.outbox
    assert capacity > 2 * SHED_RECORDS
    resident = []
    for _ in range(3):
        write(kernels, capacity - 100)
        until(lambda: is_sent(outlet), outlet, exporter)
        following = kernels["head"] - 50
        exporter.acknowledge(7, following)
        outlet.pump()
        outlet.shed()
        resident.append(int(np.count_nonzero(outbox["packets"])))
        kept = outbox[np.arange(following, kernels["head"]) % capacity]
        assert (kept["packets"] == 1).all()
    page_rows = 2 * PAGESIZE // outbox.itemsize + 2
    assert max(resident) < 50 + 3 * page_rows
    until(lambda: is_sent(outlet), outlet, exporter)
    assert exporter.numbers == list(range(kernels["head"]))


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_memory_of_records_that_are_there_does_not_go(exporter, rounds):
    """Between two looks the ring may go round: in the places of those delivered others lie by then."""
    kernels, outlet = outlet_with(exporter, 0, size_bytes=16 << 20)
    capacity, outbox = outlet.room, kernels.table.outbox
    for _ in range(rounds):
        write(kernels, capacity // 2)
        outlet.make_room(capacity - capacity // 4)
        write(kernels, capacity // 2)
    tail, head = kernels["tail"], kernels["head"]
    outlet.shed()
    there = outbox[np.arange(tail, head) % capacity]
    assert len(there)
    assert (there["packets"] == 1).all()


@pytest.mark.parametrize("is_delivered", [True, False])
def test_what_is_in_the_pipe_is_dropped_only_if_nobody_reads_it(exporter, is_delivered):
    """The outbox has it no more, and cannot send it again; the exporter may have it yet."""
    kernels, outlet = outlet_with(exporter, 0, size_bytes=4 << 20)
    capacity = outlet.room
    write(kernels, 100)
    until(lambda: is_sent(outlet), outlet, exporter)
    write(kernels, capacity - 100)
    outlet.make_room(capacity)
    assert kernels["records_dropped"] == capacity - 100
    if is_delivered:
        exporter.acknowledge(7, 100)
        outlet.pump()
    second = Exporter()
    outlet.take_pipes(*second.theirs)
    assert kernels["records_dropped"] == capacity - 100 * is_delivered


def named(exporter):
    """The file's name by each record's number."""
    found = {}
    for message in exporter.messages:
        names = dict.fromkeys(
            range(message.first, message.first + message.records), unpack(message.payload).interface
        )
        assert not set(names) & set(found)
        found |= names
    return found


def test_records_of_many_files_leave_under_their_own_names(exporter):
    """Nobody waits between two files; some have no records; the pipe is full most of the time."""
    kernels, outlet = outlet_with(exporter, 0)
    expected = {}
    for number in range(300):
        outlet.rename(f"{number}.pcap")
        first = kernels["head"]
        write(kernels, number % 7)
        expected |= dict.fromkeys(range(first, kernels["head"]), f"{number}.pcap")
        outlet.pump(urgent=number % 3 == 0)
    until(lambda: is_sent(outlet), outlet, exporter)
    exporter.read()
    assert named(exporter) == expected


def test_a_former_file_is_not_waited_for_with_the_next_ones_records(exporter):
    """However few they are."""
    kernels, outlet = outlet_with(exporter, 0)
    outlet.rename("first")
    write(kernels, 3)
    outlet.rename("second")
    write(kernels, 2)
    outlet.pump()
    exporter.read()
    assert set(named(exporter).values()) == {"first"}


def test_fresh_pipes_send_former_files_records_under_their_names(exporter):
    kernels, outlet = outlet_with(exporter, 0)
    for name, count in (("first", 20), ("second", 30), ("empty", 0), ("third", 40)):
        outlet.rename(name)
        write(kernels, count)
        until(lambda: is_sent(outlet), outlet, exporter)
    exporter.acknowledge(7, 25)
    outlet.pump()
    second = Exporter()
    outlet.take_pipes(*second.theirs)
    until(lambda: is_sent(outlet), outlet, second)
    second.read()
    assert named(second) == dict.fromkeys(range(25, 50), "second") | dict.fromkeys(range(50, 90), "third")


def test_the_first_file_names_what_a_dead_worker_left(exporter):
    _, outlet = outlet_with(exporter, 10)
    outlet.rename("again.pcap")
    until(lambda: is_sent(outlet), outlet, exporter)
    exporter.read()
    assert named(exporter) == dict.fromkeys(range(10), "again.pcap")
