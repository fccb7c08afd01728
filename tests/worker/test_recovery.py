"""kill -9 at random moments: the successor goes on at the next packet, and what is uncertain is counted.

Real processes meter a real file; this one is the exporter and the supervisor.
"""

import contextlib
import gzip
import os
import random
import select
import signal
import time

import numpy as np
import pytest

from shared import channel, vitals, wire
from shared.record import unpack
from tests.captures import pcap
from tests.worker.rig import Bytes, Frames, Kernels, in_order
from tests.worker.test_table import consistent, flood, udp
from tests.worker.trial import START_NS, some
from tests.zstandard import zstd
from worker import recovery
from worker.birth import live
from worker.capture import compressed
from worker.rows import USED
from worker.spec import Spec

PACKETS, FLOWS = 60_000, 3_000
CORE = min(os.sched_getaffinity(0))
TABLE_BYTES = 48 << 20
TABLES = {"roomy": 50_000, "full": 1_500}


@pytest.fixture(scope="module")
def content():
    """Many packets of some thousand flows; what unpacks them is loaded before a fork, as the nursery does."""
    compressed.load()
    rng = random.Random(5)
    known = [udp(i + 1, sport=1000 + i % 7) for i in range(FLOWS)]
    return pcap([(START_NS + i * 1_000_000, rng.choice(known)) for i in range(PACKETS)], link=101)


def end_child(pid):
    """Kill a child of ours unless it was waited for."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class Host:
    """A flow table that outlives its workers; `rows` are the records by number, as an exporter keeps them."""

    def __init__(self, content, max_flows):
        self.content, self.max_flows = content, max_flows
        self.table = os.memfd_create("table")
        os.truncate(self.table, TABLE_BYTES)
        os.pwrite(self.table, vitals.initial_page(99), 0)
        self.rows, self.kills = {}, 0

    def words(self):
        return vitals.read_page(os.pread(self.table, vitals.PAGE_BYTES, 0))

    def fork(self):
        """A worker with fresh pipes: (pid, life, batches, acks)."""
        batches, theirs = os.pipe()
        their_acks, acks = os.pipe()
        life, their_life = channel.pair()
        pid = os.fork()
        if pid == 0:
            for end in (batches, acks, life.detach()):
                os.close(end)
            orders = {
                "name": "replay",
                "kind": "files",
                "files": ("x",),
                "waits": True,
                "max_flows": self.max_flows,
                "core": CORE,
            }
            file = Bytes(self.content)
            code = live(
                Spec(
                    **orders,
                    table=self.table,
                    batches=theirs,
                    acks=their_acks,
                    life=their_life.detach(),
                    sources=(file.fileno(),),
                )
            )
            os._exit(code)
        for end in (theirs, their_acks):
            os.close(end)
        their_life.close()
        os.set_blocking(batches, False)
        return pid, life, batches, acks

    def worker(self, lives_s):
        """One worker's life, killed when its time is up; whether it came to its own end."""
        pid, life, batches, acks = self.fork()
        reader, until_s = wire.Reader(), None
        try:
            while True:
                ready = select.select([life, batches], [], [], 0.0005)[0]
                if batches in ready:
                    self.take(reader, batches, acks)
                if life in ready and (message := channel.receive(life)):
                    until_s = until_s or time.monotonic() + lives_s
                    if message[0]["did"] == "drained":
                        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
                if until_s and time.monotonic() > until_s:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    self.kills += 1
                    self.take(reader, batches, acks)
                    return False
        finally:
            life.close()
            end_child(pid)
            os.close(batches)
            os.close(acks)

    def take(self, reader, batches, acks):
        """Read what is there; a record sent twice must be the same record."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(batches, 1 << 20):
                for message in reader.feed(data):
                    for place, row in enumerate(unpack(message.payload).rows):
                        self.rows.setdefault(message.first + place, row.tobytes())
                        assert self.rows[message.first + place] == row.tobytes()
                    with contextlib.suppress(BrokenPipeError):
                        os.write(acks, wire.ACK.pack(message.epoch, message.first + message.records))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "pack"),
    [("roomy", bytes), ("full", bytes), ("roomy", gzip.compress), ("roomy", zstd.compress)],
)
def test_a_killed_worker_costs_at_most_one_uncertain_packet(content, table, pack):
    from shared.record import ROW

    host, rng = Host(pack(content), TABLES[table]), random.Random(table)
    while not host.worker(rng.uniform(0, 0.004) if host.kills < 25 else 60.0):
        pass
    words = host.words()
    rows = np.frombuffer(b"".join(host.rows[n] for n in range(len(host.rows))), ROW)
    counted = int(rows["packets"].sum() + rows["rev_packets"].sum())
    assert host.kills > 10
    assert words["packets_uncertain"] <= host.kills
    assert PACKETS - words["packets_uncertain"] <= counted <= PACKETS
    assert PACKETS <= words["packets_received"] <= PACKETS + words["packets_uncertain"]
    assert words["flows_active"] == 0
    assert words["head"] == len(host.rows) == words["acknowledged"]
    assert int(rows["bytes"].sum() + rows["rev_bytes"].sum()) == 28 * counted


def cut_short(kernels):
    """What a successor finds when everything but rows and words is wrong."""
    kernels.table.index[: kernels["index_mask"] + 1] = 0xABCD
    kernels.table.free[:] = 7
    kernels["free_rows"], kernels["flows_active"] = 3, 12345
    recovery.adopt(kernels.table)
    kernels.words[vitals.INDEX["seed"]] = int(kernels["seed"])
    return kernels


def test_index_and_free_rows_come_from_the_rows():
    kernels = Kernels(forget=1.0, idle=0.5)
    kernels.feed(Frames(some(3, 500, 0.0)), sweeping=True)
    used = int((kernels.table.flows["state"] & USED != 0).sum())
    consistent(cut_short(kernels))
    assert kernels["flows_active"] == used > 0


def test_metering_goes_on_as_if_nothing_had_happened():
    frames = some(4, 600, 0.1)
    plain, killed = Kernels(), Kernels()
    plain.feed(Frames(frames))
    killed.feed(Frames(frames[:300]))
    cut_short(killed)
    killed.feed(Frames(frames[300:]))
    assert in_order(killed.finish()) == in_order(plain.finish())
    assert killed.drops() == plain.drops()


@pytest.mark.parametrize("written", [False, True])
def test_a_record_in_the_making_is_sent_once(written):
    """Killed between the note and the head: it was not sent; between the head and the zeros: it was."""
    kernels = Kernels()
    kernels.feed(Frames([(START_NS, 101, udp(1))] * 5))
    kernels["report_pending"] = kernels["head"] + 1 << 32 | 1
    if written:
        kernels.feed_only(Frames([]))
        kernels.table.outbox[0]["packets"] = 5
        kernels["head"] = 1
    cut_short(kernels)
    rest = [record["packets"] for record in kernels.finish()]
    assert sum(rest) == 5
    assert kernels["report_pending"] == 0


def test_the_packet_in_hand_is_uncertain_and_passed():
    kernels = Kernels()
    kernels.feed(Frames(flood(10)))
    kernels["in_hand"] = 11
    cut_short(kernels)
    assert (kernels["packets_uncertain"], kernels["cursor_offset"], kernels["packets_received"]) == (
        1,
        11,
        11,
    )
    cut_short(kernels)
    assert kernels["packets_uncertain"] == 1


def test_a_new_table_is_not_repaired():
    table = Kernels().table
    table.words[vitals.INDEX["layout"]] = 0
    assert not recovery.adopt(table)
    assert recovery.adopt(table)


@pytest.mark.parametrize("size_bytes", [4 << 20, TABLE_BYTES])
def test_a_worker_whose_supervisor_is_gone_drains_and_ends(content, size_bytes):
    """The life channel closes: nobody acknowledges, perhaps nothing fits any more, and still it ends."""
    host = Host(content, 500)
    os.truncate(host.table, size_bytes)
    pid, life, batches, acks = host.fork()
    said = channel.receive(life)[0]
    assert (said["did"], said["core"]) == ("capturing", CORE), "granted, and read back"
    life.close()
    ends_s = time.monotonic() + 10
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > ends_s:
            end_child(pid)
            pytest.fail("it went on for ten seconds")
        select.select([], [], [], 0.01)
    os.close(batches)
    os.close(acks)
