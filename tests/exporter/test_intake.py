"""Numbers checked at the pipe: duplicates left out, gaps counted, pipes out of step given up."""

import errno
import itertools
import os
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exporter.discard import Discard
from exporter.figures import Figures
from exporter.intake import Intake
from exporter.spool import Spool
from exporter.stall import CALM_S
from shared import wire
from tests.examples import examples
from tests.exporter.rig import exporter, message, until
from tests.exporter.rig import settings as orders


class Pipes:
    """An intake with one inlet, and the worker's ends."""

    def __init__(self, keeper, name="eth0"):
        self.figures = Figures()
        self.intake = Intake(keeper, self.figures)
        batches, self.batches = os.pipe()
        self.acks, acks = os.pipe()
        os.set_blocking(self.acks, False)
        self.inlet = self.intake.attach(name, batches, acks)

    def send(self, data):
        os.write(self.batches, data)
        self.intake.read(self.inlet)
        self.intake.settle([self.inlet])

    def acknowledged(self):
        try:
            return list(wire.AckReader().feed(os.read(self.acks, 4096)))
        except BlockingIOError:
            return []

    def close(self):
        self.inlet.close()
        os.close(self.batches)
        os.close(self.acks)


def counts(pipes):
    names = ("batches_received", "records_received", "records_duplicate", "records_missing")
    return tuple(pipes.figures.of("eth0")[name] for name in names)


def numbers(spool):
    """The records the spool holds, by their numbers."""
    out, sequence = [], 0
    while (entry := spool.after(sequence)) is not None:
        out += spool.read(entry).rows["bytes"].tolist()
        sequence = entry.sequence
    return out


def test_overlap_is_left_out_and_counted(tmp_path):
    spool = Spool(tmp_path, durable=False)
    pipes = Pipes(spool)
    pipes.send(message(1, 0, 10) + message(1, 5, 10) + message(1, 0, 15))
    assert counts(pipes) == (3, 15, 20, 0)
    assert list(range(15)) == numbers(spool)
    assert pipes.acknowledged() == [(1, 15)]
    pipes.close()


def test_a_gap_is_counted(tmp_path):
    spool = Spool(tmp_path, durable=False)
    pipes = Pipes(spool)
    pipes.send(message(1, 0, 10) + message(1, 30, 10))
    assert counts(pipes) == (2, 20, 0, 20)
    assert pipes.acknowledged() == [(1, 40)]
    pipes.close()


def test_an_epoch_never_heard_of_starts_where_it_is(tmp_path):
    """What went before was acknowledged, or dropped by the worker, which counts it."""
    pipes = Pipes(Spool(tmp_path, durable=False))
    pipes.send(message(1, 500, 10))
    assert counts(pipes) == (1, 10, 0, 0)
    pipes.close()


def test_tables_of_the_past_are_the_spools_to_remember(tmp_path, monkeypatch):
    """The numbers of some are at hand; what comes again of another is still known for what it is."""
    monkeypatch.setattr("exporter.intake.EPOCHS_MOST", 3)
    pipes = Pipes(Spool(tmp_path, durable=False))
    for epoch in (1, 2, 3, 4):
        pipes.send(message(epoch, 0, 10))
        pipes.intake.settle([pipes.inlet])
    assert len(pipes.intake._expected) == 3
    pipes.send(message(1, 5, 10))
    assert counts(pipes) == (5, 45, 5, 0)
    pipes.close()


def test_a_batch_without_records_brings_counters():
    pipes = Pipes(Discard())
    pipes.send(message(1, 0, 0, {"packets_received": 77}))
    assert pipes.figures.worker("eth0") == {"packets_received": 77}
    pipes.close()


def test_a_spool_without_room_says_where_it_is_once(tmp_path, monkeypatch, capsys):
    spool = Spool(tmp_path, durable=False)
    pipes = Pipes(spool)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("exporter.spool.write_all", full)
        pipes.send(message(1, 0, 10))
        pipes.intake.settle([pipes.inlet])
    said = capsys.readouterr().err
    assert said.count(f"no room is left on the disk of {tmp_path}; make some, or choose another place") == 1
    assert pipes.acknowledged() == []
    pipes.intake.settle([pipes.inlet])
    assert pipes.acknowledged() == [(1, 10)]
    pipes.close()


def test_a_disk_on_which_room_comes_and_goes_is_said_to_be_full_once(tmp_path, monkeypatch, capsys):
    """And to have room once: when it has taken everything and refused nothing for a while."""
    now = [100.0]
    monkeypatch.setattr("exporter.stall.time.monotonic", lambda: now[0])
    spool = Spool(tmp_path, durable=False)
    pipes, put, tries = Pipes(spool), spool.put, itertools.count()

    def every_other(*words):
        if next(tries) % 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(*words)

    with monkeypatch.context() as patched:
        patched.setattr(spool, "put", every_other)
        for first in range(0, 60, 10):
            now[0] += 1
            pipes.send(message(1, first, 10))
    assert "no room" in pipes.intake.fault
    pipes.intake.settle([pipes.inlet])
    now[0] += CALM_S
    for _ in range(2):
        pipes.intake.settle([pipes.inlet])
    assert pipes.intake.fault == ""
    assert pipes.acknowledged()[-1] == (1, 60)
    said = capsys.readouterr().err
    assert (said.count("takes nothing"), said.count("room again")) == (1, 1)
    pipes.close()


def test_a_full_acknowledgement_pipe_is_tried_again(tmp_path):
    """The latest number wins; nothing blocks."""
    pipes = Pipes(Discard())
    os.set_blocking(pipes.inlet.acks, False)
    filled = 0
    try:
        while True:
            filled += os.write(pipes.inlet.acks, b"\0" * 16)
    except BlockingIOError:
        pass
    pipes.send(message(1, 0, 10))
    pipes.send(message(1, 10, 10))
    assert pipes.inlet.owed == {1: 20}
    while filled:
        filled -= len(os.read(pipes.acks, filled))
    pipes.intake.settle([pipes.inlet])
    assert pipes.acknowledged() == [(1, 20)]
    pipes.close()


STREAM = b"".join(message(3, first, 7) for first in range(0, 70, 7))


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=40))
@examples(60)
def test_every_split_of_the_bytes_gives_the_same(cuts):
    pipes = Pipes(Discard())
    places = [0, *sorted(set(cuts)), len(STREAM)]
    for begin, end in pairwise(places):
        pipes.send(STREAM[begin:end])
    assert counts(pipes) == (10, 70, 0, 0)
    assert pipes.acknowledged()[-1] == (3, 70)
    pipes.close()


def test_a_pipe_out_of_step_is_given_up(tmp_path):
    """The supervisor is told, the worker's end breaks, others go on."""
    with exporter(orders(tmp_path, "null"), loud=False) as rig:
        rig.hear("ready")
        bad, good = rig.worker("eth0"), rig.worker("eth1")
        bad.send(message(1, 0, 10) + b"no header, but forty bytes of something else")
        broken = rig.hear("broken")
        assert broken["name"] == "eth0"
        assert "out of step" in broken["why"]
        assert until(lambda: bad.listen().get(1)) == 10
        good.send(message(2, 0, 10))
        assert until(lambda: good.listen().get(2)) == 10
