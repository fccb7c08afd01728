"""One interface's post: lock, capture socket, table, history; all outlive the worker that holds it."""

import os
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from shared.settings import CaptureSettings, Mode
from supervisor import bpf, lock, translations
from supervisor.affinity import standing_on
from supervisor.child import Child
from supervisor.guard import Guard
from supervisor.lifecycle import Life
from supervisor.links import Link
from supervisor.ring import BLOCK_BYTES, Ring, fanout_of, open_ring
from supervisor.table import Table
from supervisor.unread import unread

SIZED = (("capture ring", "--ring-mib"), ("flow table", "--table-mib"))
TIMINGS = ("active_timeout_s", "idle_timeout_s", "forget_s", "linger_s", "max_flows")


@dataclass(frozen=True, slots=True)
class Handover:
    """What a post leaves to one of the same interface: lock, ring, and where in the ring its worker stopped."""

    lock: "lock.Lock | None"
    ring: Ring | None
    cursor: dict[str, int]

    def unread(self, before_ns: int) -> int:
        """Packets in its ring that came before that time and that no worker took."""
        return unread(self.ring, self.cursor, before_ns) if self.ring and self.cursor.get("pid") else 0

    def close(self) -> None:
        """Nobody came for it."""
        if self.ring:
            self.ring.close()
        if self.lock:
            self.lock.release()


@dataclass(slots=True)
class Post:
    """`worker` is None while nobody holds it. `heir_program`: what the ring lets in once it takes no more packets.

    `rate_why`: what made `--sample auto` leave flows out.
    """

    link: Link
    capture: CaptureSettings
    core: int | None = None
    sample_key: int = 0
    mode: Mode = "flows"
    mirror: bool = False
    files: tuple[str, ...] = ()
    sources: tuple[int, ...] = ()
    life: Life = field(default_factory=Life)
    worker: Child | None = None
    fault: tuple[str, int] | None = None
    leaving: str = ""
    has_heir: bool = False
    heir_program: bpf.Program | None = None
    ordered_ns: int = 0
    last_tries: int = 0
    is_unborn: bool = False
    missed: int = 0
    files_done: int = 0
    packets_before: int = 0
    guard: Guard = field(default_factory=Guard)
    sandbox: str = ""
    table: Table | None = None
    ring: Ring | None = None
    lock: "lock.Lock | None" = None
    near: frozenset[int] = frozenset()
    rate_why: str = ""

    @property
    def name(self) -> str:
        """The interface's name, or `replay`."""
        return self.link.name

    @property
    def kind(self) -> str:
        """Where its packets come from: ring, pcap or files."""
        return "files" if self.files else self.capture.capture

    def open(self, program: bpf.Program = ()) -> None:
        """Take what a worker needs; capture files need no lock."""
        if not self.files and not self.lock:
            path, refusal = lock.path_of(self.link.ifindex), partial(lock.watched_by, self.name)
            self.lock = lock.Lock.take(path, refusal, self.capture.fanout_group if self.kind == "ring" else 0)
        if self.table is None:
            self.table = Table.create(self.name, self.capture.table_mib)
        if self.kind == "ring" and self.ring is None:
            self.ring = self._open_ring(program)
        elif self.ring:
            self.ring.refilter(program)

    def _open_ring(self, program: bpf.Program) -> Ring:
        """Of memory near the worker's core."""
        promisc, fanout = self.capture.promisc, fanout_of(self.capture)
        with standing_on(self.near):
            return open_ring(
                self.name, self.link.ifindex, self.capture.ring_mib, program, promisc=promisc, fanout=fanout
            )

    def leave(self) -> Handover:
        """Let a successor have what would otherwise be closed."""
        left = Handover(self.lock, self.ring, self.counters())
        self.lock = self.ring = None
        return left

    def inherit(self, left: Handover) -> None:
        """Go on at the next packet, with a table of our own; then open what is missing."""
        self.lock, self.ring = left.lock, left.ring
        self.table = Table.create(self.name, self.capture.table_mib)
        self.table.stand_at(left.cursor)

    def close(self) -> None:
        """Give everything back."""
        for part in (self.ring, self.table):
            if part:
                part.close()
        for fd in self.sources:
            os.close(fd)
        if self.lock:
            self.lock.release()
        self.ring = self.table = self.lock = None
        self.sources = ()

    def counters(self) -> dict[str, int]:
        """The vitals page; empty before there is a table."""
        return self.table.read() if self.table else {}

    def has_progressed(self) -> bool:
        """Packets were taken since this was last asked."""
        before, self.packets_before = self.packets_before, self.counters().get("packets_received", 0)
        return self.packets_before > before

    def is_fresh(self) -> bool:
        """No worker has held it yet."""
        return not self.counters().get("pid")

    def unreported(self) -> int:
        """Records a worker left behind, those of its living flows included."""
        page = self.counters()
        return page["flows_active"] + page["head"] - page["acknowledged"] if page else 0

    def unread(self) -> int:
        """Packets that came before the order to drain and that no worker took."""
        return Handover(None, self.ring, self.counters()).unread(self.ordered_ns)

    def shortages(self) -> list[str]:
        """What the kernel gave less of than was asked, and what to do about it."""
        asked = self.capture.ring_mib, self.capture.table_mib
        return [
            f"{what} of {part.mib} MiB instead of {mib}: memory is short; free some, or set {setting} lower"
            for (what, setting), part, mib in zip(SIZED, (self.ring, self.table), asked, strict=True)
            if part and part.mib < mib
        ]

    def thinned(self) -> str:
        """How many flows `--sample auto` keeps, and why not all."""
        is_thinned = self.rate_why and self.capture.rate > 1
        return f"one of {self.capture.rate:,} flows is kept: {self.rate_why}" if is_thinned else ""

    def descriptors(self) -> tuple[int, ...]:
        """The capture socket or files, in the order of the fork message."""
        return (self.ring.sock.fileno(),) if self.ring else self.sources

    def spec(self) -> dict[str, Any]:
        """The worker's orders (docs/architecture.md)."""
        spec: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "ifindex": self.link.ifindex,
            "mac": self.link.mac,
            "mtu": self.link.mtu,
            "core": self.core,
            "files": list(self.files),
            "block_bytes": BLOCK_BYTES if self.ring else 0,
            "blocks": self.ring.blocks if self.ring else 0,
            "filter": self.capture.filter,
            "promisc": self.capture.promisc,
            "snaplen": bpf.snaplen_of(self.capture, mirror=self.mirror),
            "sample": self.capture.rate,
            "sample_key": self.sample_key,
            "decode": self.capture.decode,
            "answers": self.mode == "dns",
            "mirror": self.mirror,
            "http_ports": list(self.capture.http_port),
            "dns_ports": list(self.capture.dns_port),
            "radius_ports": list(self.capture.radius_port),
            "translate": translations.parse(self.capture.translate),
            "waits": bool(self.files),
        }
        return spec | {name: getattr(self.capture, name) for name in TIMINGS}
