"""A real exporter process with the other ends of its channel and pipes, and batches made up for it."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from shared import channel, wire
from shared.application_elements import TEXTS
from shared.elements import ELEMENTS
from shared.record import ROW, Batch, pack

ROOT = Path(__file__).resolve().parents[2]
PIPE_BYTES = 1 << 20
START_NS = 1_700_000_000_000_000_000


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for `condition` to become true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{condition} did not come true in {seconds} s")
        time.sleep(0.01)
    return value


def blank_rows(count: int) -> np.ndarray:
    """Rows in which everything that may be absent is."""
    rows = np.zeros(count, ROW)
    for element in ELEMENTS:
        if element.absent is not None and element.scope != "batch":
            rows[element.cell or element.name] = element.absent
    return rows


def some_rows(first: int, count: int) -> np.ndarray:
    """Rows numbered from `first`: the number stands in `bytes` and in the ports."""
    rows = blank_rows(count)
    number = np.arange(first, first + count, dtype=np.uint64)
    octets = np.zeros((count, 16), np.uint8)
    octets[:, 12], octets[:, 15] = 10, (number % 250).astype(np.uint8)
    words = octets.view(np.uint64)
    rows["ip_version"], rows["proto"], rows["packets"] = 4, 17, 1
    rows["src_addr_tail"] = words[:, 1]
    octets[:, 13] = 1
    rows["dst_addr_tail"] = words[:, 1]
    rows["bytes"] = number
    rows["src_port"] = 1024 + number % 60000
    rows["dst_port"] = 53
    rows["start_ns"] = START_NS + number * 1000
    rows["end_ns"] = rows["start_ns"] + 500
    rows["tos"], rows["ttl"] = 0, 64
    rows["end_reason"] = 1
    return rows


def put_texts(rows: np.ndarray, listed: list[tuple[bytes | None, ...]], place: int = 0) -> bytes:
    """Give each row its texts, in the order of the cells; the octets of all, the first of them at `place`."""
    octets = b""
    for row, texts in zip(rows, listed, strict=True):
        row["text_at"] = place + len(octets)
        for cell, text in zip(TEXTS, texts, strict=False):
            row[cell] = 0xFFFF if text is None else len(text)
            octets += text or b""
    return octets


def message(epoch: int, first: int, count: int, counters: dict[str, int] | None = None) -> bytes:
    """One framed batch."""
    batch = Batch("eth0", 2, 1, some_rows(first, count), counters or {"packets_received": first + count})
    return wire.frame(epoch, first, count, pack(batch))


class Worker:
    """The worker's ends of the two pipes."""

    def __init__(self, rig: "Rig", name: str) -> None:
        batches, self.batches = os.pipe()
        self.acks, acks = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.batches, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        for end in (self.batches, self.acks):
            os.set_blocking(end, False)
        channel.send(rig.control, {"do": "attach", "name": name, "ifindex": 2}, [batches, acks])
        os.close(batches)
        os.close(acks)
        self._reader = wire.AckReader()
        self.acknowledged: dict[int, int] = {}

    def send(self, data: bytes) -> None:
        """Write it all; BrokenPipeError when the exporter is gone."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self.batches, rest) :]
            except BlockingIOError:
                self.listen()
                time.sleep(0.0005)

    def listen(self) -> dict[int, int]:
        """Read the acknowledgements that came."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.acks, 4096):
                self.acknowledged.update(self._reader.feed(data))
        return self.acknowledged

    def close(self) -> None:
        """End as a worker does."""
        os.close(self.batches)
        os.close(self.acks)


class Rig:
    """One exporter process."""

    def __init__(self, settings: dict[str, Any], descriptors: list[int] | None = None, **ids: Any) -> None:
        self.control, theirs = channel.pair()
        self.control.settimeout(30)
        self.process = subprocess.Popen(
            [sys.executable, "-I", *ids.pop("program", ("-m", "exporter")), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd="/",
            stderr=ids.pop("stderr", None if ids.pop("loud", True) else subprocess.DEVNULL),
            stdout=ids.pop("stdout", None),
        )
        theirs.close()
        self.reports: list[dict[str, Any]] = []
        who = {"user": None, "uid": None, "gid": None, **ids}
        channel.send(self.control, {"do": "start", "settings": settings, **who}, descriptors or [])

    def hear(self, did: str) -> dict[str, Any]:
        """The next report of that kind."""
        message: dict[str, Any] = {}
        while True:
            received = channel.receive(self.control)
            assert received is not None, f"the exporter ended before {did!r}, its last was {message}"
            message, _ = received
            if message["did"] == "report":
                self.reports.append(message)
            if message["did"] == did:
                return message

    def worker(self, name: str = "eth0") -> Worker:
        return Worker(self, name)

    def tell(self, message: dict[str, Any]) -> None:
        channel.send(self.control, message)

    def drain(self) -> dict[str, Any]:
        self.tell({"do": "drain"})
        totals = self.hear("drained")
        assert self.process.wait(20) == 0
        return totals

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.control.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.control.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def exporter(settings: dict[str, Any], descriptors: list[int] | None = None, **ids: Any) -> Iterator[Rig]:
    """A started exporter, ended at the end."""
    rig = Rig(settings, descriptors, **ids)
    try:
        yield rig
    finally:
        rig.close()


def settings(folder: Path, *sinks: str, **more: Any) -> dict[str, Any]:
    """Settings with a spool under `folder` and the sinks named: store, jsonl or null."""
    targets = {"store": str(folder / "store"), "jsonl": str(folder / "flows.jsonl"), "null": ""}
    named = [{"name": kind, "kind": kind, "target": targets[kind]} for kind in sinks]
    return {
        "sinks": named,
        "spool_dir": str(folder / "spool"),
        "durable": False,
        "spool_mib": 64,
        "spool_age_s": 3600.0,
        "store_mib": 1024,
        "store_age_s": 3600.0,
        "status_host": "127.0.0.1",
        "status_port": 0,
        "top": False,
        **more,
    }


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def stored(folder: Path) -> list[int]:
    """The numbers of the records in a store, in order."""
    import duckdb

    from shared import manifest

    names = [str(folder / segment.name) for segment in manifest.read(folder).segments]
    if not names:
        return []
    found = duckdb.sql(f"SELECT bytes FROM read_parquet({names!r}) ORDER BY bytes").fetchall()
    return [number for (number,) in found]
