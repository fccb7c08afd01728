"""One interface's post: lock, capture socket, table, history; all outlive the worker that holds it."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from shared.errors import FlowherdError
from shared.settings import CaptureSettings, Mode
from supervisor import bpf, lock, ring_size, translations
from supervisor.affinity import standing_on
from supervisor.child import Child
from supervisor.guard import Guard
from supervisor.lifecycle import Life
from supervisor.links import Link
from supervisor.ring import OF_ITS_OWN, Ring, fanout_of, open_ring
from supervisor.rings import Rings
from supervisor.table import Table

SIZED = (("capture ring", "--ring-mib"), ("flow table", "--table-mib"))
TIMINGS = ("active_timeout_s", "idle_timeout_s", "forget_s", "linger_s", "max_flows")


def has_begun(words: Mapping[str, int]) -> bool:
    """Some worker has read the ring: what comes is ours to count. An heir's table has its former one's heartbeat."""
    return bool(words.get("pid") or words.get("heartbeat_ns"))


@dataclass(frozen=True, slots=True)
class Handover:
    """What a post leaves to one of the same interface: lock, rings, and where in them its worker stopped."""

    lock: "lock.Lock | None"
    rings: Rings | None
    cursor: dict[str, int]

    def unread(self, before_ns: int) -> int:
        """Packets in its rings that came before that time and that no worker took."""
        return self.rings.unread(self.cursor, before_ns) if self.rings and has_begun(self.cursor) else 0

    def lost(self) -> int:
        """Packets that came since, and that nobody will take any more: those in the rings and those without room."""
        if not self.rings or not has_begun(self.cursor):
            return 0
        return self.unread(time.time_ns()) + self.rings.forget_drops()

    def close(self) -> None:
        """Nobody came for it."""
        if self.rings:
            self.rings.close()
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
    rings: Rings | None = None
    lock: "lock.Lock | None" = None
    near: frozenset[int] = frozenset()
    rate_why: str = ""

    @property
    def name(self) -> str:
        """The interface's name, or `replay`."""
        return self.link.name

    @property
    def ring(self) -> Ring | None:
        """The one its worker reads."""
        return self.rings.current if self.rings else None

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
        if self.rings:
            self.rings.refilter(program)
        elif self.kind == "ring":
            self.rings = Rings(self._open_first_ring(program))

    def _open_first_ring(self, program: bpf.Program) -> Ring:
        """A small one that may grow, unless it shares its packets with others or the kernel is too old."""
        if not self.capture.fanout_group:
            with suppress(FlowherdError):
                return self._open_ring(program, self.ring_bounds.least, OF_ITS_OWN)
        return self._open_ring(program, self.capture.ring_mib, fanout_of(self.capture))

    def _open_ring(self, program: bpf.Program, mib: int, fanout: int) -> Ring:
        """Of memory near the worker's core."""
        promisc, index = self.capture.promisc, self.link.ifindex
        with standing_on(self.near):
            return open_ring(self.name, index, mib, program, promisc=promisc, fanout=fanout)

    @property
    def ring_bounds(self) -> ring_size.Bounds:
        """Which sizes its ring may have, MiB."""
        most = self.capture.ring_mib
        return ring_size.Bounds(min(self.capture.ring_least_mib, most), most)

    @property
    def may_grow(self) -> bool:
        """A larger ring may come."""
        return bool(self.ring and self.ring.group and self.ring.mib < self.capture.ring_mib)

    def resize(self, mib: int, program: Callable[[], bpf.Program]) -> None:
        """Have all packets go to another ring of its own. FlowherdError: the kernel has no room for it."""
        if self.rings:
            self.rings.resize(mib, lambda size, group: self._open_ring(program(), size, group))

    def tell_ring(self) -> None:
        """Where all packets go now, if that is not where the worker reads."""
        if self.worker and self.rings and (coming := self.rings.coming):
            self.worker.send(self.rings.order(self.capture.ring_mib), (coming.sock.fileno(),))

    def tell_bounds(self, *, may_grow: bool) -> None:
        """A worker whose ring may grow asks for that before it reads less of what it has."""
        if self.worker and self.rings:
            self.worker.send({"do": "bounds", "may_grow": may_grow})

    def settle(self) -> None:
        """See which ring the worker reads."""
        if self.rings:
            self.rings.settle(self.counters())

    def leave(self) -> Handover:
        """Let a successor have what would otherwise be closed."""
        self.settle()
        left = Handover(self.lock, self.rings, self.counters())
        self.lock = self.rings = None
        return left

    def inherit(self, left: Handover) -> None:
        """Go on at the next packet, with a table of our own; then open what is missing."""
        self.lock, self.rings = left.lock, left.rings
        self.table = Table.create(self.name, self.capture.table_mib)
        self.table.stand_at(left.cursor)

    def close(self) -> None:
        """Give everything back."""
        for part in (self.rings, self.table):
            if part:
                part.close()
        for fd in self.sources:
            os.close(fd)
        if self.lock:
            self.lock.release()
        self.rings = self.table = self.lock = None
        self.sources = ()

    def counters(self) -> dict[str, int]:
        """The vitals page; empty before there is a table."""
        return self.table.read() if self.table else {}

    def has_progressed(self) -> bool:
        """Packets were taken since this was last asked."""
        before, self.packets_before = self.packets_before, self.counters().get("packets_received", 0)
        return self.packets_before > before

    def is_fresh(self) -> bool:
        """No worker has read its ring yet, nor that of whoever left it."""
        return not has_begun(self.counters())

    def unreported(self) -> int:
        """Records a worker left behind, those of its living flows included."""
        page = self.counters()
        return page["flows_active"] + page["head"] - page["tail"] if page else 0

    def unread(self) -> int:
        """Packets that came before the order to drain and that no worker took."""
        self.settle()
        return Handover(None, self.rings, self.counters()).unread(self.ordered_ns)

    def shortages(self) -> list[str]:
        """What the kernel gave less of than was asked, and what to do about it."""
        ring_mib = self.ring_bounds.least if self.ring and self.ring.group else self.capture.ring_mib
        asked = ring_mib, self.capture.table_mib
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
            "block_bytes": self.ring.block_bytes if self.ring else 0,
            "blocks": self.ring.blocks if self.ring else 0,
            "may_grow": self.may_grow,
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
