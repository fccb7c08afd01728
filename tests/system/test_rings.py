"""A ring that grows and shrinks under traffic, while workers are killed: no packet is lost by it."""

import os
import random
import re
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from bench import taker
from supervisor import control
from tests.system.host import flowherd, until

pytestmark = [pytest.mark.root, pytest.mark.slow]
FLOWS = 500
TURNS, SECONDS, PPS = 12, 12, 20_000


@pytest.fixture
def place():
    with taker.road() as made:
        yield made


def reading(live):
    """Number of the ring that the worker reads."""
    return live.counters().get("ring", 0)


def test_a_ring_grows_with_the_traffic(place, folder):
    """It begins small; what comes meanwhile is all counted, and the new one is read before it is full."""
    with flowherd(place, folder, sink="null") as live:
        pid = live.capturing()
        assert reading(live) == 0
        sent = taker.send(place, 2 * PPS, 3.0, flows=FLOWS)["packets"]
        now = live.received(sent)
        assert now["ring"] > 0
        assert (now["packets_received"], now["kernel_dropped"], now["pid"]) == (sent, 0, pid)
        until(lambda: len(live.rings()) == 1, live.rings)
        (mib,) = live.rings()
        assert mib > 4


def test_a_worker_that_stands_still_gets_a_large_ring(place, folder):
    """A small one would last a second; before anybody knows why it does not read, the largest is there."""
    with flowherd(place, folder, sink="null") as live:
        pid = live.capturing()
        command = taker.sending(place, pps=PPS // 2, seconds=6, flows=FLOWS)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            until(lambda: live.counters()["packets_received"], live.said)
            os.kill(pid, signal.SIGSTOP)
            time.sleep(4)
            os.kill(pid, signal.SIGCONT)
            sent = taker.told(sender)
        now = live.received(sent)
        assert (now["kernel_dropped"], now["pid"]) == (0, pid)
        until(lambda: live.rings() == [64], live.rings)


def test_rings_come_and_go_while_workers_die(place, folder):
    """Each size is another ring and a hand-over; whoever is killed in the middle of one leaves nothing behind."""
    chance = random.Random(7)
    settings = folder / "f.toml"
    words = ("--config", settings)
    settings.write_text("ring_mib = 16\nring_least_mib = 16")
    with flowherd(place, folder, *words, sink="null") as live:
        live.capturing()
        command = taker.sending(place, pps=PPS, seconds=SECONDS, flows=FLOWS)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            for turn in range(TURNS):
                size = (8, 32)[turn % 2]
                settings.write_text(f"ring_mib = {size}\nring_least_mib = {size}")
                before = reading(live)
                control.ask(str(folder / "run"), {"do": "reload"})
                if chance.random() < 0.7:
                    time.sleep(chance.random() * 0.3)
                    with suppress(ProcessLookupError):
                        os.kill(live.counters()["pid"], signal.SIGKILL)
                until(lambda before=before: reading(live) > before, live.said)
            sent = taker.told(sender)
        now = live.received(sent - TURNS)
        assert now["kernel_dropped"] == 0
        assert sent - now["packets_uncertain"] <= now["packets_received"] <= sent
        assert reading(live) >= TURNS


def test_what_waits_for_an_heir_that_never_comes_is_counted(place, folder):
    """A worker reports its flows, another is to take the ring over, and meanwhile the link goes down."""
    settings = folder / "f.toml"
    settings.write_text("")
    with flowherd(place, folder, "--config", settings, sink="null") as live:
        live.capturing()
        sent = taker.send(place, PPS, 0.2, flows=FLOWS)["packets"]
        live.received(sent)
        (exporter,) = live.exporters()
        os.kill(exporter, signal.SIGSTOP)  # the worker waits for it to the end
        settings.write_text("table_mib = 64")
        control.ask(str(folder / "run"), {"do": "reload"})
        time.sleep(0.5)
        sent += taker.send(place, PPS, 0.2, flows=FLOWS)["packets"]
        place.ip("link", "set", "vb", "down")
        os.kill(exporter, signal.SIGCONT)
        until(lambda: "packets left in the ring" in live.said(), live.said)
        live.stop()
        counts = re.search(r"flowherd: ([\d,]+) packets captured;.* ([\d,]+) packets dropped", live.said())
        assert sum(int(count.replace(",", "")) for count in counts.groups()) == sent
