"""A network namespace with a veth pair, a whole flowherd in it, tcpreplay, and counters read from the flow table."""

import contextlib
import ctypes
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared import vitals
from shared.errors import FlowherdError
from supervisor import control
from worker.jit_cache import DEFAULT_ROOT

FLOWHERD = (sys.executable, "-I", "-m", "supervisor")
NUMBERS = itertools.count()
needs_tcpreplay = pytest.mark.skipif(not shutil.which("tcpreplay"), reason="no tcpreplay")
CLONE_NEWNET = 0x40000000


def until(condition, what, limit_s=30.0):
    """The first true value of `condition`."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if value := condition():
            return value
        time.sleep(0.001)
    raise AssertionError(f"never: {what() if callable(what) else what}")


def run(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True, **more).stdout


def children(parent, kind):
    """Process ids of a kind, by their titles."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            its_parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if its_parent == parent and kind in (path / "cmdline").read_text():
                found.append(int(path.name))
    return found


class Wire:
    """Namespace with `va` and `vb` joined; nothing of the kernel's own goes over them."""

    def __init__(self, mtu=1500):
        self.name = f"fhb-{os.getpid()}-{next(NUMBERS)}"
        run("ip", "netns", "add", self.name)
        for setting in ("all", "default"):
            self.inside("sysctl", "-qw", f"net.ipv6.conf.{setting}.disable_ipv6=1")
        self.join("va", "vb", mtu=mtu)

    def join(self, *ends, mtu=1500):
        """A veth pair of these names."""
        run("ip", "-n", self.name, "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for end in ends:
            run("ip", "-n", self.name, "link", "set", end, "mtu", mtu, "arp", "off", "up")

    @contextlib.contextmanager
    def entered(self):
        """What this thread opens is in there; it stays there when the thread is back."""
        enter = ctypes.CDLL(None, use_errno=True).setns
        with Path("/proc/thread-self/ns/net").open() as here, Path("/run/netns", self.name).open() as there:
            assert enter(there.fileno(), CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert enter(here.fileno(), CLONE_NEWNET) == 0

    def mac(self, end):
        """The address of an interface, as octets."""
        return bytes.fromhex(self.inside("cat", f"/sys/class/net/{end}/address").strip().replace(":", ""))

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def inside(self, *words):
        return run(*self.command(*words))

    def ip(self, *words):
        """One `ip` command in there."""
        run("ip", "-n", self.name, *words)

    @contextlib.contextmanager
    def replaying(self, capture, *words):
        """Tcpreplay into va meanwhile; ended when all is sent."""
        command = self.command("tcpreplay", "-q", "-i", "va", *words, capture)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            yield
            assert process.wait(60) == 0

    def replay(self, capture, *words):
        """Tcpreplay into va; the words it printed."""
        return self.inside("tcpreplay", "-q", "-i", "va", *words, capture)

    def close(self):
        run("ip", "netns", "del", self.name)


@contextlib.contextmanager
def wire(**settings):
    made = Wire(**settings)
    try:
        yield made
    finally:
        made.close()


class Flowherd:
    """One running flowherd that watches `vb` of a wire."""

    def __init__(self, place, folder, *words, sink=None, cache=DEFAULT_ROOT, prefix=()):
        self.folder, self.log, self.out = folder, folder / "log", folder / "flows.jsonl"
        dirs = [f"--state-dir={folder}/state", f"--runtime-dir={folder}/run", f"--cache-dir={cache}"]
        sinks = [] if sink == "of the file" else ["--sink", sink or f"jsonl:{self.out}"]
        chosen = [] if {"--interface", "-i"} & set(words) else ["--interface", "vb"]
        with self.log.open("w") as log:
            command = place.command(*prefix, *FLOWHERD, "run", *dirs, *sinks, *chosen, *words)
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL)

    def counters(self, name="vb"):
        """The vitals page of an interface's table, which the supervisor holds; empty before there is one."""
        page = b""
        for fd in Path(f"/proc/{self.process.pid}/fd").glob("*"):
            with contextlib.suppress(OSError):
                if str(fd.readlink()) in (f"/flowherd-{name} (deleted)", f"/memfd:flowherd-{name} (deleted)"):
                    page = fd.open("rb").read(vitals.PAGE_BYTES)
        return vitals.read_page(page) if len(page) == vitals.PAGE_BYTES else {}

    def rings(self, name="vb"):
        """MiB of each capture ring that the worker has mapped."""
        found = []
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.counters(name)['pid']}/maps").read_text().splitlines():
                if "socket:[" in line:
                    start, end = (int(bound, 16) for bound in line.split()[0].split("-"))
                    found.append((end - start) >> 20)
        return found

    def status(self):
        """What `flowherd status` is told; no rows before there is anybody to tell it."""
        try:
            return control.ask(str(self.folder / "run"), {"do": "status"})
        except FlowherdError:
            return {"rows": []}

    def said(self):
        return self.log.read_text()

    def exporters(self):
        """Pids of those that have taken up work."""
        return children(self.process.pid, "flowherd exporter")

    def capturing(self, name="vb"):
        """Wait for it; the worker's pid."""
        until(
            lambda: self.counters(name).get("capturing_since_ns") or self.process.poll() is not None,
            self.said,
        )
        assert self.process.poll() is None, self.said()
        return self.counters(name)["pid"]

    def received(self, count, name="vb"):
        """Wait until `count` packets came."""
        until(
            lambda: self.counters(name).get("packets_received", -1) >= count,
            lambda: f"{count}: {self.counters(name)}\n{self.said()}",
        )
        return self.counters(name)

    def told(self, name, count, interface="vb"):
        """Wait until a counter has come to `count`."""
        until(lambda: self.counters(interface)[name] >= count, lambda: f"{name}: {self.counters(interface)}")
        return self.counters(interface)

    def received_or_dropped(self, count, name="vb"):
        """Wait until `count` packets came or are known to be lost."""

        def all_told():
            now = self.counters(name)
            return now["packets_received"] + now["kernel_dropped"] >= count and now

        return until(all_told, lambda: f"{count}: {self.counters(name)}")

    def stop(self):
        """Drain; the records."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.said()
        return [json.loads(line) for line in self.out.read_text().splitlines()] if self.out.exists() else []

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def flowherd(place, folder, *words, **more):
    """A flowherd, ended at the end."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    started = Flowherd(place, Path(folder), *words, **more)
    try:
        yield started
    finally:
        started.end()


def replayed(folder, *captures, least=0, words=()):
    """The records and exit code of `flowherd replay`."""
    out = Path(folder) / "replay.jsonl"
    dirs = [f"--state-dir={folder}/replay", f"--cache-dir={DEFAULT_ROOT}"]
    command = [*FLOWHERD, "replay", *map(str, captures), "--sink", f"jsonl:{out}", *dirs, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    records = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    assert len(records) >= least, done.stderr
    return records, done
