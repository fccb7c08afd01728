"""How an exporter ends: drained, retired, orphaned; and that one spool has one exporter."""

import os
import signal
import subprocess
import sys

import pytest

from exporter import ending, spool_lock
from exporter.ending import COMMIT_S, DELIVER_S, ORPHAN_S, Ending
from shared.errors import FlowherdError

HOLDS = """
import sys, time
from pathlib import Path
from exporter import spool_lock
spool_lock.take(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


class Hanging:
    """A sink that never comes back."""

    def __init__(self):
        self.orders = []

    def drain(self):
        self.orders.append("drain")

    def leave(self):
        self.orders.append("leave")

    def is_alive(self):
        return "leave" not in self.orders or self.never

    never = True


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 100.0

        def monotonic(self):
            return self.now_s

    made = Clock()
    monkeypatch.setattr(ending, "time", made)
    return made


def test_drained_takes_whatever_time_it_takes(clock):
    end, sink = Ending(), Hanging()
    assert not end.is_over(9.0, [sink], has_inlets=False), "nobody has asked"
    end.drain()
    assert not end.is_over(0.5, [sink], has_inlets=True), "workers may still send"
    clock.now_s += 86400
    assert not end.is_over(2.0, [sink], has_inlets=True)
    assert set(sink.orders) == {"drain"}


def test_retired_commits_and_delivers_nothing_more(clock):
    end, sink = Ending(), Hanging()
    sink.never = False
    end.retire()
    assert end.is_over(0.0, [sink], has_inlets=False)
    assert sink.orders == ["leave"]


def test_an_orphan_with_a_sink_that_hangs_ends_all_the_same(clock):
    end, sink = Ending(), Hanging()
    end.orphan()
    assert not end.is_over(0.0, [sink], has_inlets=True)
    clock.now_s += ORPHAN_S + 0.1  # its workers still send, or hold their pipes: enough of that
    assert not end.is_over(0.0, [sink], has_inlets=True)
    assert sink.orders == ["drain"]
    clock.now_s += DELIVER_S
    assert not end.is_over(0.0, [sink], has_inlets=False)
    assert sink.orders[-1] == "leave"
    clock.now_s += COMMIT_S - DELIVER_S
    assert end.is_over(0.0, [sink], has_inlets=False)


def test_a_spool_has_one_exporter_and_a_second_waits_for_its_end(tmp_path):
    words = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FlowherdError, match=f"the exporter with pid {holder.pid} has it; end that one"):
            spool_lock.take(tmp_path, patience_s=0.1)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as heir:
            os.kill(holder.pid, signal.SIGKILL)
            assert heir.stdout.readline() == "held\n"
            heir.kill()
    assert (tmp_path / "lock").read_text() == f"{heir.pid}\n"
