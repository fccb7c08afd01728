"""A program that captures on an interface, and what one step of traffic does to it: packets lost, CPU a packet."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import peers, tree
from bench.sockets import Tap
from tests.system.host import flowherd, until, wire

SENDER, TAKER = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
FLOWS = 65_536
QUIET = 0.9  # of its core: with less, rates and losses are also those of others on the machine
SEND = (sys.executable, Path(__file__).with_name("sender.py"))


@dataclass
class Step:
    """What was sent, what the kernel dropped for want of room, CPU seconds of the program and of the sender."""

    packets: int
    octets: int
    seconds: float
    dropped: int
    cpu_s: float
    sender_s: float

    @property
    def mpps(self):
        return self.packets / self.seconds / 1e6

    @property
    def gbps(self):
        return self.octets * 8 / self.seconds / 1e9

    @property
    def loss(self):
        return self.dropped / self.packets

    @property
    def us(self):
        """CPU of a packet that was not dropped."""
        return self.cpu_s / max(self.packets - self.dropped, 1) * 1e6


class Taker:
    """One such program: its processes, and what counts its packets, since it was read last."""

    def __init__(self, place, pid, tap, *, filtered=False):
        """`filtered`: the kernel is to refuse packets, and does not count them."""
        self.place, self.pid, self.tap, self.filtered = place, pid, tap, filtered

    def step(self, pps, seconds, sizes="200", flows=FLOWS):
        """Send, wait until it has worked that off, and count. Zero packets a second: as many as can be."""
        self.tap.read()
        before = tree.ran_s(tree.family(self.pid))
        told = send(self.place, pps, seconds, sizes, flows)
        cpu_s = tree.settled(tree.family(self.pid)) - before
        came, dropped = self.tap.read()
        missing = told["packets"] - came
        assert missing >= 0, f"{came} packets came of {told['packets']}"
        dropped += 0 if self.filtered else missing
        return Step(told["packets"], told["octets"], told["seconds"], dropped, cpu_s, told["cpu_s"])


class Page:
    """Flowherd's own counters: it reads the socket's itself, each time setting them to zero."""

    def __init__(self, live):
        self.live, self.before = live, (0, 0)

    def read(self):
        now = self.live.counters()
        told = now["packets_received"] + now["kernel_dropped"], now["kernel_dropped"]
        came, dropped = (after - before for after, before in zip(told, self.before, strict=True))
        self.before = told
        return came, dropped


def sending(place, end="vb", **words):
    """The sender's command line, in there and on its core."""
    words = [f"--{name}={value}" for name, value in words.items()]
    return place.command("taskset", "-c", SENDER, *SEND, end, *words)


def send(place, pps, seconds, sizes="200", flows=FLOWS):
    """What was sent."""
    return sent(sending(place, pps=pps, seconds=seconds, sizes=sizes, flows=flows))


def sent(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def told(sender):
    """Packets that a sender begun with Popen has sent, once it is through."""
    return json.loads(sender.communicate()[0])["packets"]


def disturbance(steps):
    """A remark, when the sender, which never rests, did not have its core to itself."""
    had = sum(step.sender_s for step in steps) / sum(step.seconds for step in steps)
    return (
        [f"**The machine was busy with other work**: the sender had {had:.0%} of its core."]
        if had < QUIET
        else []
    )


@contextmanager
def ours(place, words=()):
    """A whole flowherd on `vb`, records to null."""
    with folder() as home, flowherd(place, home, *words, "--core", str(TAKER), sink="null") as live:
        live.capturing()
        yield Taker(place, live.process.pid, Page(live), filtered="--sample" in words)


@contextmanager
def theirs(place, name):
    """A peer on `vb`, on the one core."""
    with folder() as home:
        command = peers.LIVE[name](peers.Job(home, interface="vb"))
        log = home / "strace.log" if name in peers.NOSY else None
        words = place.command(*tree.on_core(peers.traced(name, command, log), TAKER))
        quiet = subprocess.DEVNULL
        with subprocess.Popen(words, cwd=home, stdout=quiet, stderr=quiet) as process:
            try:
                tap = until(
                    lambda: found if (found := Tap(process.pid, log)).sockets else None, "a capture socket"
                )
                yield Taker(place, tree.family(process.pid)[1] if log else process.pid, tap)
                tap.close()
            finally:
                ended(process)


def ended(process):
    """Asked to end, then made to; under strace it is a child that ends first."""
    *_, last = [process.pid, *tree.family(process.pid)[1:2]]
    with suppress(ProcessLookupError):
        os.kill(last, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        for pid in reversed(tree.family(process.pid)):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def folder():
    """Everybody may look into it: peers give up root."""
    with tempfile.TemporaryDirectory(prefix="fhb-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o777)
        yield Path(made)


@contextmanager
def road():
    """A veth pair in a namespace of its own, whose exports to 127.0.0.1 go nowhere."""
    with wire() as place:
        place.inside("ip", "link", "set", "lo", "up")
        yield place
