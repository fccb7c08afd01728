"""Namespaces, a running flowherd with the fake nursery, and waiting for conditions."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from supervisor.control import ask

DRIVE = (sys.executable, str(Path(__file__).with_name("drive.py")))
NUMBERS = itertools.count()


def until(condition, what, limit_s=20.0):
    """The first true value of `condition`, or a failure that says what never came."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if value := condition():
            return value
        time.sleep(0.002)
    raise AssertionError(f"never: {what}")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def namespace():
    """A network namespace with a veth pair va, vb, both up."""
    name = f"fh-{os.getpid()}-{next(NUMBERS)}"
    ip("netns", "add", name)
    try:
        quiet = [f"net.ipv6.conf.{which}.disable_ipv6=1" for which in ("all", "default")]
        ip(
            "netns", "exec", name, "sysctl", "-qw", *quiet
        )  # the kernel itself says nothing: a fake reads no ring
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "add", "va", "type", "veth", "peer", "name", "vb")
        for end in ("va", "vb"):
            ip("-n", name, "link", "set", end, "up")
        yield name
    finally:
        ip("netns", "del", name)


def flowherd(*words, inside=None, timeout_s=30, **more):
    """Run to its end."""
    prefix = ["ip", "netns", "exec", inside] if inside else []
    return subprocess.run(
        [*prefix, *DRIVE, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        **more,
    )


def places(folder):
    return [f"--{name}-dir={folder / name}" for name in ("state", "runtime", "cache")]


class Running:
    """A flowherd in the background."""

    def __init__(self, folder, inside, *words):
        self.folder, self.log = folder, folder / "log"
        command = ["ip", "netns", "exec", inside, *DRIVE, *places(folder), "-v", "--sink", "null", *words]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL)

    def status(self):
        try:
            return ask(str(self.folder / "runtime"), {"do": "status"})
        except Exception:  # noqa: BLE001 not yet up
            return {"rows": []}

    def rows(self):
        return {row["name"]: row for row in self.status()["rows"]}

    def running(self, name, other_than=0):
        """The row of an interface once it captures with a worker that is not `other_than`."""

        def look():
            row = self.rows().get(name)
            return row if row and row["state"] == "running" and row["pid"] not in {0, other_than} else None

        return until(look, f"{name} running; log:\n{self.log.read_text()}")

    def logged(self, text, count=1):
        until(
            lambda: self.log.read_text().count(text) >= count, f"{text!r} in the log:\n{self.log.read_text()}"
        )

    def children(self):
        """Pids of our direct children by their command line."""
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = {}
        for pid in listing:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                found[int(pid)] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def running(folder, inside, *words):
    service = Running(folder, inside, *words)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.terminate()
            try:
                service.process.wait(20)
            except subprocess.TimeoutExpired:
                service.process.kill()
                service.process.wait()
