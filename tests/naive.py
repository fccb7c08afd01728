"""The meter in plain Python: the oracle for all kernels. Dicts, no cleverness, from the design and the RFCs.

Eviction is not in it: tests that fill the table count instead of comparing.
"""

from dataclasses import dataclass, field

from shared.reasons import Drop, EndReason
from tests.naive_frames import ACK, FIN, RST, SYN, TCP, UDP, Dropped, Packet, decode
from tests.naive_sample import is_sampled, translated
from tests.naive_tcp import Performance, signed
from worker.services import service_ports  # data, not code

SECOND_NS = 1_000_000_000
STEP_NS = 60 * SECOND_NS
TICK_NS = 1 << 24
ECHO_REPLY = {(4, 0x0000): 0x0800, (6, 0x8100): 0x8000}
SERVICES = service_ports()


@dataclass
class Side:
    """One direction's counters since the last record."""

    packets: int = 0
    octets: int = 0
    wire_packets: int = 0
    fragments: int = 0
    flags: int | None = None
    tos: int | None = None
    ttl: int | None = None
    retransmits: int = 0
    repeated_retransmits: int = 0
    out_of_order: int = 0
    seq_gaps: int = 0
    zero_windows: int = 0
    round_trips: list = field(default_factory=list)


@dataclass
class Flow:
    """One biflow; ends[0] is the initiator's (address, port)."""

    key: tuple
    ends: tuple
    first: Packet
    forward_first: bool
    active_at: int
    connection_id: int | None = None
    seen: int = 0
    start_ns: int = 0
    end_ns: int = 0
    sides: tuple = field(default_factory=lambda: (Side(), Side()))
    mss: list = field(default_factory=lambda: [0, 0])
    performance: Performance = field(default_factory=Performance)
    fins: set = field(default_factory=set)
    reset: bool = False
    closed_at: int = 0

    @property
    def closed(self):
        return self.reset or len(self.fins) == 2

    @property
    def pending(self):
        return self.sides[0].packets + self.sides[1].packets > 0


class Meter:
    """Feed frames in order; `records` grows.

    Time-outs in seconds; `first_report(packet)`: ticks until it; `hash_of(packet)`: its flow key's keyed hash;
    `sampling`: one of how many, and the key; `translate`: as the worker is told.
    """

    sampling, translate = (), ()

    def __init__(self, *, active=15, idle=15, forget=60, linger=5, mtu=1500, first_report=None, hash_of=None):
        ticks = (max(1, round(seconds * 1e9) >> 24) for seconds in (active, idle, forget, linger))
        self.active, self.idle, self.forget, self.linger = ticks
        self.mtu, self._first_report = mtu, first_report or (lambda _packet: self.active + 1)
        self._hash_of = hash_of or (lambda _packet: 0)
        self.flows, self.fragments, self.records = {}, {}, []
        self.drops = dict.fromkeys(Drop, 0)
        self.now_ns = self.base_ns = None
        self.rebased = self.received = self.octets = self.created = 0

    def add(self, time_ns, link, data, length=None, tags=()):
        """One frame; its verdict."""
        length = max(length or 0, len(data))
        verdict = Drop.ACCOUNTED
        try:
            packet = decode(link, data, length, tags)
        except Dropped as dropped:
            verdict = dropped.args[0]
        else:
            self.join(time_ns, packet)
            if self.sampling and not is_sampled(packet, *self.sampling):
                verdict = Drop.NOT_SAMPLED
            else:
                self.account(time_ns, translated(packet, self.translate))
        self.drops[verdict] += 1
        self.received += 1
        self.octets += length
        return verdict

    def tick(self, time_ns):
        """The clock: highest time seen; a step of more than a minute moves its base instead."""
        if self.now_ns is None:
            self.now_ns = time_ns
            early = (
                0 <= time_ns <= STEP_NS
            )  # within a step of 1970, where the clock stands before the first packet
            self.base_ns = 0 if early else time_ns - (1 << 16) * TICK_NS
        step = time_ns - self.now_ns
        if abs(step) > STEP_NS:
            self.base_ns += step
            self.rebased += 1
            self.now_ns = time_ns
        self.now_ns = max(self.now_ns, time_ns)
        return (self.now_ns - self.base_ns) // TICK_NS

    def account(self, time_ns, p):
        tick = self.tick(time_ns)
        key = key_of(p)
        flow = self.flows.get(key)
        if flow:
            flow = self.look(flow, tick)
        if flow and abs(time_ns - flow.end_ns) > STEP_NS:
            ahead = time_ns > flow.end_ns
            self.report(flow, EndReason.IDLE_TIMEOUT if ahead else EndReason.FORCED_END)
            flow.performance.forget_times()
        if (
            flow
            and flow.closed
            and p.proto == TCP
            and (p.flags or 0) & (SYN | ACK) == SYN
            and not sent_again(flow, p)
        ):
            self.report(flow, EndReason.END_OF_FLOW)
            flow = None
            self.created -= 1
        if not flow:
            flow = self.begin(key, p, tick)
        self.count(flow, time_ns, p, tick)

    def join(self, time_ns, p):
        """Later fragments take the ports of their datagram's first one."""
        if p.fragment == "first":
            self.fragments[p.datagram] = (time_ns, p.proto, p.sport, p.dport, p.icmp)
        elif p.fragment == "later" and p.datagram in self.fragments:
            then_ns, *rest = self.fragments[p.datagram]
            if abs(time_ns - then_ns) < STEP_NS:
                p.proto, p.sport, p.dport, p.icmp = rest

    def begin(self, key, p, tick):
        forward = source_began(p)
        ends = ((p.src, p.sport), (p.dst, p.dport))
        flow = Flow(key, ends if forward else ends[::-1], p, forward, tick + self._first_report(p), seen=tick)
        if p.proto in (TCP, UDP):
            flow.connection_id = self._hash_of(p) or None
        self.flows[key] = flow
        self.created += 1
        return flow

    def count(self, flow, time_ns, p, tick):
        way = 0 if (p.src, p.sport) == flow.ends[0] else 1
        if flow.ends[0] == flow.ends[1]:  # to itself: nothing tells the ways apart
            way = 0 if flow.forward_first else 1
        side = flow.sides[way]
        if not flow.pending:
            flow.start_ns = flow.end_ns = time_ns
        flow.start_ns, flow.end_ns = min(flow.start_ns, time_ns), max(flow.end_ns, time_ns)
        flow.seen = tick
        if not side.packets:
            side.tos, side.ttl = p.tos, p.ttl
        side.packets += 1
        side.octets += p.octets
        side.fragments += bool(p.fragment)
        side.wire_packets += 1
        if p.flags is not None:
            self.count_tcp(flow, way, p, tick)
        if p.proto in (TCP, UDP) and not p.fragment:
            flow.performance.see(way, time_ns // 1000, p, flow.sides)

    def count_tcp(self, flow, way, p, tick):
        side, open_before = flow.sides[way], not flow.closed
        side.flags = (side.flags or 0) | p.flags
        flow.mss[way] = p.mss or flow.mss[way]
        if p.octets > self.mtu and p.payload:
            size = flow.mss[1 - way] or self.mtu - (40 if p.version == 4 else 60)
            side.wire_packets += -(-p.payload // size) - 1
        if p.flags & RST:
            flow.reset = True
        elif p.flags & FIN:
            flow.fins.add(way)
        if flow.closed and open_before:
            flow.closed_at = tick

    def look(self, flow, tick):
        """What is due at this tick; None when the flow has left."""
        silent = tick - flow.seen
        if flow.closed:
            return flow if tick < flow.closed_at + self.linger else self.end(flow, EndReason.END_OF_FLOW)
        if silent >= self.forget:
            return self.end(flow, EndReason.IDLE_TIMEOUT)
        if silent >= self.idle:
            self.report(flow, EndReason.IDLE_TIMEOUT)
        if tick >= flow.active_at:
            self.report(flow, EndReason.ACTIVE_TIMEOUT)
            flow.active_at += self.active * ((tick - flow.active_at) // self.active + 1)
        return flow

    def end(self, flow, reason):
        self.report(flow, reason)
        del self.flows[flow.key]

    def finish(self):
        """Capture is over."""
        for flow in list(self.flows.values()):
            self.end(flow, EndReason.END_OF_FLOW if flow.closed else EndReason.FORCED_END)
        return self.records

    def report(self, flow, reason):
        if not flow.pending:
            return
        self.records.append(record(flow, reason))
        flow.sides = (Side(), Side())


def sent_again(flow, p):
    """A SYN with the last one's sequence number, as some send after a reset."""
    known = flow.performance.ways[flow.ends.index((p.src, p.sport))].next
    return known is not None and -(1 << 16) <= signed(p.sequence - known) < 0


def key_of(p):
    """The same for both directions."""
    ends = sorted([(p.src, p.sport), (p.dst, p.dport)])
    exchange = ECHO_REPLY.get((p.version, p.icmp), p.icmp or 0)
    return (p.version, p.proto, *ends, exchange)


def source_began(p):
    """Who sent the SYN; else the side that talks to a known service; else who sent first."""
    if p.flags is not None and p.flags & SYN:
        return not p.flags & ACK
    return not (SERVICES[p.sport] and not SERVICES[p.dport])


def record(flow, reason):
    """A flow record, absent as None."""
    first, forward = flow.first, flow.forward_first
    macs = (first.src_mac or None, first.dst_mac or None)
    src_mac, dst_mac = macs if forward else macs[::-1]
    (src, sport), (dst, dport) = flow.ends
    vlan, inner = (*first.vlan, 0, 0)[:2]
    fields = {
        "start_ns": flow.start_ns,
        "end_ns": flow.end_ns,
        "ip_version": first.version,
        "proto": first.proto,
        "src_addr": src,
        "dst_addr": dst,
        "src_port": sport,
        "dst_port": dport,
        "vlan": vlan or None,
        "inner_vlan": inner or None,
        "mpls_label": first.label,
        "src_mac": src_mac,
        "dst_mac": dst_mac,
        "end_reason": int(reason),
        "icmp_type": None if first.icmp is None else first.icmp >> 8,
        "icmp_code": None if first.icmp is None else first.icmp & 0xFF,
        "direction": first.direction if forward or not first.direction else 3 - first.direction,
        "connection_id": flow.connection_id,
        **dict.fromkeys(("app_latency_us", "app_protocol", "app_by")),  # decoding is off
    }
    for way, (prefix, side) in enumerate(zip(("", "rev_"), flow.sides, strict=True)):
        performance = flow.performance.of_way(way, side)
        fields |= {f"{prefix}{name}": value for name, value in performance.items()} | {
            f"{prefix}packets": side.packets,
            f"{prefix}bytes": side.octets,
            f"{prefix}wire_packets": side.wire_packets,
            f"{prefix}fragments": side.fragments,
            f"{prefix}tcp_flags": side.flags,
            f"{prefix}tos": side.tos,
            f"{prefix}ttl": side.ttl,
            f"{prefix}mss": flow.mss[way] or None,
        }
    return fields | flow.performance.of_flow()
