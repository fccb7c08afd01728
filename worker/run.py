"""START HERE: one worker, from its table and source to its last acknowledged record (steps 1 to 8).

Read `Worker.step` aloud: take a block of packets, meter them, give them back, sweep, send. The poll timeout of
`_rest` keeps an idle link's flows expiring. Nothing below this file calls back up.
"""

import mmap
import time
from contextlib import suppress

from shared.sampling import sampling_of
from shared.sandbox import OFF
from shared.vitals import INDEX
from worker import confine
from worker.capture.libpcap import LibpcapSource
from worker.capture.ring import RingSource
from worker.capture.source import Source
from worker.clock import TICK_BITS, ticks
from worker.expiry import end_all, sweep
from worker.layout import BLOCK_PACKETS, PACKED_ANSWERS, Rules, new_frames, open_table, read_at_random
from worker.letters import Letters
from worker.life import Life
from worker.meter import meter
from worker.outlet import Outlet
from worker.pin import allow
from worker.recovery import adopt
from worker.services import application_ports
from worker.spec import Spec

NOW_NS, BASE_NS, KERNEL_DROPPED = INDEX["now_ns"], INDEX["base_ns"], INDEX["kernel_dropped"]
CAPTURING_SINCE_NS, SHEDDING, LETTERS = (INDEX[n] for n in ("capturing_since_ns", "shedding", "letters"))
SWEPT_TICK = INDEX["swept_tick"]
RECORDS_A_BLOCK = 2 * BLOCK_PACKETS
REST_S = 0.1
HOUSEKEEPING_S = 0.25
LISTEN_S = 0.02
OPEN_BLOCK_S = 0.1  # a little longer than the ring keeps a block open
LAST_BLOCK_S = 0.5


class Worker:
    """One process, one interface, one core: the one the kernel granted, None if it is free to roam."""

    def __init__(self, spec: Spec, core: int | None) -> None:
        timeouts = (spec.active_timeout_s, spec.idle_timeout_s, spec.forget_s, spec.linger_s)
        sampling = sampling_of(spec.sample, spec.sample_key)
        active, idle, forget, linger = map(ticks, timeouts)
        rules = Rules(active, idle, forget, linger, spec.mtu, mirror=int(spec.mirror), **sampling._asdict())
        rules = rules._replace(decode=PACKED_ANSWERS if spec.answers else int(spec.decode))
        ports = application_ports(spec.http_ports, spec.dns_ports, spec.radius_ports)
        self.spec, self.core = spec, core
        self.table = open_table(
            _mapped(spec.table, spec.max_flows), spec.max_flows, rules, ports, spec.translate
        )
        self.words = self.table.words
        adopt(self.table)
        self.outlet = Outlet(self.table, spec.batches, spec.acks, spec.name, spec.ifindex, spec.sample)
        self.life = Life(spec.life, self.words, self.outlet)
        self._frames, self._letters = new_frames(), Letters(waits=spec.waits)
        self.life.may_grow = spec.may_grow
        self._kept_s = self._listened_s = 0.0
        self._last_packet = (0, 0)

    def work(self) -> None:
        """Capture until told to drain; then report all flows and wait for their acknowledgement.

        One that is retired leaves flows, outbox and the next packet to its successor, as a dead one would.
        """
        source = self._open()
        sandbox = self.confine()
        self.words[CAPTURING_SINCE_NS] = time.monotonic_ns()
        self.life.say(did="capturing", core=self.core, sandbox=sandbox)
        while not (self.life.is_draining or self.life.is_retired):
            self.step(source)
            source = self._follow(source)
        if self.life.is_draining:
            source = self._follow(source)
            self._empty(source)
            self.life.say(did="emptied")
        self.words[KERNEL_DROPPED] += source.kernel_drops()
        if self.life.is_draining:
            self.drain()

    def _follow(self, source: Source) -> Source:
        """To the ring where all packets go, if it is another now, once all that came before is read.

        A ring that was full does not count what it fills, so the wait for its last block has a limit.
        """
        if (order := self.life.next_ring) is None or not isinstance(source, RingSource):
            return source
        until_s = time.monotonic() + LAST_BLOCK_S
        while not source.is_empty and time.monotonic() < until_s:
            if self.life.is_late:  # the supervisor counts what is left in both
                return source
            if self.step(source):
                until_s = time.monotonic() + LAST_BLOCK_S
        self.words[KERNEL_DROPPED] += source.kernel_drops()
        self.life.next_ring = None
        source.close()  # before we say so: a ring that somebody still has is still in the group
        source = RingSource.begin(order, self.words)
        self.life.say(did="moved", ring=order.number)
        return source

    def _empty(self, source: Source) -> None:
        """What the kernel had when the order to drain came still counts: its backlog, and the block it is filling."""
        open_until_s = time.monotonic() + OPEN_BLOCK_S
        while not self.life.is_late:
            count = self.step(source)
            is_behind = count > 0 and self.words[NOW_NS] < self.life.ordered_ns  # the last order's time
            if not is_behind and time.monotonic() >= open_until_s:
                return

    def confine(self) -> str:
        """All is open: close the doors behind us. What the kernel had for it."""
        return confine.worker() if self.spec.sandbox else OFF

    def _open(self) -> Source:
        spec = self.spec
        if spec.kind == "ring":
            return RingSource(spec.sources[0], spec.block_bytes, spec.blocks, self.words)
        source = LibpcapSource(
            spec.name, spec.filter, spec.snaplen, spec.mac_number, self.words, promisc=spec.promisc
        )
        allow(())
        return source

    def step(self, source: Source) -> int:
        """One turn of the loop; packets taken."""
        count = source.take(self._frames)
        if count:
            self._make_room()
            before_ns = self.words[NOW_NS]
            self._shed(is_pressed=source.is_pressed)
            meter(source.buf, self._frames, count, self.table)
            if self.words[LETTERS]:
                self._letters.read(source.buf, self.table)
            source.done()
            if self.words[NOW_NS] != before_ns:
                self._last_packet = (int(self.words[NOW_NS]), time.monotonic_ns())
        elif not source.ended:
            self._rest(source)
        self._keep_house(source)
        return count

    def _shed(self, *, is_pressed: bool) -> None:
        """Half full, a ring is to grow; one that may not sheds messages."""
        self.words[SHEDDING] = is_pressed and not self.life.may_grow
        if is_pressed and self.life.may_grow and not self.life.has_asked:
            self.life.has_asked = True
            self.life.say(did="pressed")

    def _rest(self, source: Source) -> None:
        """Nothing to do: send what is old enough, sleep, and let an idle link's clock go on."""
        self.outlet.pump()
        source.wait(REST_S)
        self._advance_clock()

    def _advance_clock(self) -> None:
        """By our own where no packet does: on an idle link, and while no packet's flow is kept."""
        packet_ns, then_ns = self._last_packet
        if packet_ns:
            self.words[NOW_NS] = max(int(self.words[NOW_NS]), packet_ns + time.monotonic_ns() - then_ns)

    def _make_room(self) -> None:
        """Room for what a block can write. Live capture waits for nobody; a replay waits until its time is over."""
        outlet = self.outlet
        if outlet.room >= RECORDS_A_BLOCK and outlet.has_text_room:
            return
        outlet.pump(urgent=True)
        while self.spec.waits and not self.life.is_late:
            if outlet.room >= RECORDS_A_BLOCK and outlet.has_text_room:
                return
            self.flush()
        outlet.make_room(RECORDS_A_BLOCK)

    def _keep_house(self, source: Source) -> None:
        """Sweep; and a few times a second the heartbeat, the kernel's drops, the pipes and the supervisor."""
        tick = int(self.words[NOW_NS] - self.words[BASE_NS]) >> TICK_BITS
        if tick != self.words[SWEPT_TICK]:
            sweep(self.table, tick, max(self.outlet.room - RECORDS_A_BLOCK, 0))
        now_s = time.monotonic()
        if now_s - self._kept_s >= HOUSEKEEPING_S:
            self._kept_s = now_s
            if not self.spec.waits:
                self._advance_clock()
                self.outlet.shed()
            self.words[KERNEL_DROPPED] += source.kernel_drops()
            self.outlet.pump()
        if now_s - self._listened_s >= LISTEN_S:
            self._listened_s = now_s
            self.life.attend()

    def end_flows(self) -> None:
        """Report everything in the table."""
        left = 1
        while left:
            self._make_room()
            left = end_all(self.table, self.outlet.room - 1)

    def flush(self) -> None:
        """Send what there is, wait a moment for the exporter, and let the supervisor see that we live."""
        self.outlet.pump(urgent=True)
        if not self.outlet.is_empty:
            self.outlet.wait(REST_S)
        self.life.attend()

    def drain(self) -> None:
        """Report all flows, and stay until the exporter has them all or the time is over."""
        self.end_flows()
        while not self.outlet.is_empty and not self.life.is_late:
            self.flush()
        self.life.say(did="drained")


def _mapped(descriptor: int, max_flows: int) -> mmap.mmap:
    """The flow table's file, in huge pages where they help and the host lets a memory file have them."""
    memory = mmap.mmap(descriptor, 0)
    with suppress(OSError):  # a kernel without them
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        memory.madvise(mmap.MADV_HUGEPAGE, *read_at_random(len(memory), max_flows))
    return memory
