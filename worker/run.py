"""START HERE: one worker, from its table and sources to its last acknowledged record (steps 1 to 8).

Read `Worker.step` aloud: take a block of packets, meter them, give them back, sweep, send. The poll timeout of
`rest` keeps an idle link's flows expiring. Nothing below this file calls back up.
"""

import mmap
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from setproctitle import setproctitle

from shared import channel
from shared.vitals import INDEX
from worker.capture.files import CaptureError, FileSource
from worker.capture.libpcap import LibpcapSource, RefusedError
from worker.capture.ring import RingSource
from worker.capture.source import Source
from worker.clock import TICK_BITS, ticks
from worker.expiry import end_all, sweep
from worker.layout import BLOCK_PACKETS, Timing, new_packets, open_table
from worker.meter import meter
from worker.outlet import Outlet
from worker.pin import allow, pin
from worker.recovery import adopt, forget_time
from worker.spec import Spec

NOW_NS, BASE_NS, HEARTBEAT_NS = INDEX["now_ns"], INDEX["base_ns"], INDEX["heartbeat_ns"]
KERNEL_DROPPED, CURSOR_BLOCK, CURSOR_OFFSET = (
    INDEX[n] for n in ("kernel_dropped", "cursor_block", "cursor_offset")
)
IN_HAND = INDEX["in_hand"]
RECORDS_A_BLOCK = 2 * BLOCK_PACKETS
REST_S = 0.1
HOUSEKEEPING_S = 0.25
DRAIN_S = 30.0
ORPHAN_DRAIN_S = 1.5


class Worker:
    """One process, one interface (or the capture files of a replay), one core."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._life = socket.socket(fileno=spec.life)
        self._life.setblocking(False)
        memory = mmap.mmap(spec.table, 0)
        timeouts = (spec.active_timeout_s, spec.idle_timeout_s, spec.forget_s, spec.linger_s)
        timing = Timing._make([*map(ticks, timeouts), spec.mtu])
        self._table = open_table(memory, spec.max_flows, timing)
        self._words = self._table.words
        adopt(self._table)
        self._packets = new_packets()
        self._outlet = Outlet(self._table, spec.batches, spec.acks, spec.name, spec.ifindex)
        self._drain_until_s: float | None = None
        self._kept_s = 0.0
        self._last_packet = (0, 0)

    # -- live ---------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Capture until told to drain; then report all flows and wait for their acknowledgement."""
        source = self._open_live()
        self._words[INDEX["capturing_since_ns"]] = time.monotonic_ns()
        self._say({"did": "capturing"})
        while self._drain_until_s is None:
            self.step(source)
        self._words[KERNEL_DROPPED] += source.kernel_drops()
        self._drain(self._drain_until_s)

    def _open_live(self) -> Source:
        spec = self._spec
        if spec.kind == "ring":
            return RingSource(spec.sources[0], spec.block_bytes, spec.blocks, self._words)
        source = LibpcapSource(spec.name, spec.filter, spec.snaplen, spec.mac_number, promisc=spec.promisc)
        allow(())
        return source

    def step(self, source: Source) -> None:
        """One turn of the loop."""
        count = source.take(self._packets)
        if count:
            self._make_room()
            meter(source.buf, self._packets, count, self._table)
            source.done()
            self._last_packet = (int(self._words[NOW_NS]), time.monotonic_ns())
        elif not source.ended:
            self._rest(source)
        self._keep_house(source)

    def _rest(self, source: Source) -> None:
        """Nothing to do: send what is old enough, sleep, and let an idle link's clock go on."""
        self._outlet.pump()
        source.wait(REST_S)
        packet_ns, then_ns = self._last_packet
        if packet_ns:
            self._words[NOW_NS] = max(int(self._words[NOW_NS]), packet_ns + time.monotonic_ns() - then_ns)

    def _make_room(self) -> None:
        if self._outlet.room >= RECORDS_A_BLOCK:
            return
        self._outlet.pump(urgent=True)
        if not self._spec.waits:
            self._outlet.make_room(RECORDS_A_BLOCK)
        while self._outlet.room < RECORDS_A_BLOCK:
            self._outlet.wait(REST_S)
            self._outlet.pump(urgent=True)
            self._attend()
            if self._is_late():
                self._outlet.make_room(RECORDS_A_BLOCK)

    def _keep_house(self, source: Source) -> None:
        """Sweep; and a few times a second the heartbeat, the kernel's drops, the pipes and the supervisor."""
        room = max(self._outlet.room - RECORDS_A_BLOCK, 0)
        sweep(self._table, self._tick(), room)
        now_s = time.monotonic()
        if now_s - self._kept_s >= HOUSEKEEPING_S:
            self._kept_s = now_s
            self._words[KERNEL_DROPPED] += source.kernel_drops()
            self._outlet.pump()
            self._attend()

    def _tick(self) -> int:
        return int(self._words[NOW_NS] - self._words[BASE_NS]) >> TICK_BITS

    # -- files --------------------------------------------------------------------------------------------

    def replay(self) -> None:
        """Each capture file in turn with a fresh clock; nothing is dropped: the outlet waits."""
        self._say({"did": "capturing"})
        for index in range(int(self._words[CURSOR_BLOCK]), len(self._spec.files)):
            if self._drain_until_s is None:
                self._replay_file(index)
        self._drain(self._drain_until_s or float("inf"))

    def _replay_file(self, index: int) -> None:
        name = self._spec.files[index]
        self._outlet.interface = Path(name).name
        packets, why = 0, None
        try:
            with os.fdopen(self._spec.sources[index], "rb", buffering=0) as file:
                source = FileSource(file, int(self._words[CURSOR_OFFSET]))
                while not source.ended and self._drain_until_s is None:
                    self.step(source)
                packets, why = source.packets, source.damage
        except CaptureError as error:
            why = str(error)
        self._end_flows()
        self._close_file(index)
        self._say({"did": "file", "index": index, "name": name, "packets": packets, "why": why})

    def _close_file(self, index: int) -> None:
        """Flows, clock and cursor of a file are its own; its records leave under its name."""
        while not self._outlet.is_sent and not self._is_late():
            self._outlet.pump(urgent=True)
            self._outlet.wait(REST_S)
            self._attend()
        forget_time(self._table)
        self._words[IN_HAND] = self._words[CURSOR_OFFSET] = 0
        self._words[CURSOR_BLOCK] = index + 1

    # -- both ---------------------------------------------------------------------------------------------

    def _end_flows(self) -> None:
        """Report everything in the table."""
        left = 1
        while left:
            self._make_room()
            left = end_all(self._table, self._outlet.room - 1)

    def _drain(self, until_s: float) -> None:
        self._end_flows()
        while not self._outlet.is_empty and time.monotonic() < until_s:
            self._outlet.pump(urgent=True)
            if not self._outlet.is_empty:
                self._outlet.wait(REST_S)
            self._attend()
            until_s = min(until_s, self._drain_until_s or until_s)
        self._say({"did": "drained"})

    def _attend(self) -> None:
        """Show the supervisor a heartbeat and hear what it wants."""
        self._words[HEARTBEAT_NS] = time.monotonic_ns()
        try:
            while (message := channel.receive(self._life)) is not None:
                self._obey(*message)
            self._drain_by(ORPHAN_DRAIN_S)
        except BlockingIOError:
            return

    def _obey(self, orders: dict[str, Any], descriptors: list[int]) -> None:
        if orders["do"] == "drain":
            self._drain_by(DRAIN_S)
        elif orders["do"] == "pipes":
            self._outlet.take_pipes(*descriptors)

    def _drain_by(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        self._drain_until_s = min(self._drain_until_s or until_s, until_s)

    def _is_late(self) -> bool:
        """The time to drain is over: what nobody took by now is dropped, and counted."""
        return self._drain_until_s is not None and time.monotonic() > self._drain_until_s

    def _say(self, message: dict[str, Any]) -> None:
        try:
            channel.send(self._life, message)
        except OSError:
            self._drain_by(ORPHAN_DRAIN_S)


def run(spec: Spec) -> int:
    """A worker's whole life; its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    setproctitle(f"flowherd worker {spec.name}")
    pin(spec.core)
    worker = Worker(spec)
    try:
        worker.replay() if spec.kind == "files" else worker.live()
    except RefusedError as error:
        channel.send(
            socket.socket(fileno=os.dup(spec.life)),
            {"did": "fault", "why": f"{spec.name}: {error}", "code": 78},
        )
        return 78
    return 0
