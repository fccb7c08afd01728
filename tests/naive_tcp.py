"""The oracle's view of one connection: loss, windows, handshake, round trips, first payloads; in plain integers.

Written from the definitions, not from the kernels (worker/tcp.py). Times are whole microseconds.
"""

from dataclasses import dataclass, field

from tests.naive_frames import ACK, FIN, RST, SYN, TCP

HALF, FULL = 1 << 31, 1 << 32
MOST = FULL - 2  # FULL - 1 is null
BACK_US = 60_000_000
UNKNOWN_RTT_US = 3000
SYN_NEAR = 1 << 16  # a SYN that much below the highest sequence is a repeated one, else a new connection
SHIFT_MOST = 14  # RFC 7323 section 2.3
REPEATED_RUN = 3


def signed(difference):
    """RFC 1982's comparison of two sequence numbers: their difference as a signed 32-bit number."""
    return (difference + HALF) % FULL - HALF


def elapsed(now, then):
    """Microseconds by a clock of 32 bits, which begins anew after 71 minutes; a step back of up to a minute is 0."""
    difference = (now - then) % FULL
    return 0 if difference >= FULL - BACK_US else difference


@dataclass
class Way:
    """What is remembered of one direction for the life of the flow."""

    next: int | None = None
    progress: int = 0
    repeated: int | None = None
    run: int = 0
    shift: int | None = None
    window: int | None = None
    window_of_syn: bool = False
    syn_at: int | None = None
    timed: int | None = None
    since: int = 0
    spoke_at: int | None = None


@dataclass
class Performance:
    """A flow's two ways, by the same index as its sides."""

    ways: tuple = field(default_factory=lambda: (Way(), Way()))
    server: int | None = None
    synack_at: int | None = None
    synack_sequence: int = 0
    server_leg: int | None = None
    client_leg: int | None = None
    exchange: int | None = None
    first_way: int | None = None

    def see(self, way, now, p, sides):
        """One whole packet; what a record counts goes to `sides`."""
        if p.proto == TCP and p.sequence is None:
            return
        if p.payload:
            self.first_way = way if self.first_way is None else self.first_way
            self.speak(self.ways[way], self.ways[1 - way], now)
        if p.proto == TCP:
            self.shake(way, now, p)
            self.acknowledge(self.ways[1 - way], now, p, sides[1 - way])
            self.sequence(way, now, p, sides[way])
            self.see_window(way, p, sides[way])

    def forget_times(self):
        """The clock has stepped: nothing that began before can be timed."""
        self.synack_at = None
        for way in self.ways:
            way.timed = way.syn_at = None

    def speak(self, mine, other, now):
        """First payload exchange: between the first octets of each."""
        if mine.spoke_at is None:
            mine.spoke_at = now
            if other.spoke_at is not None:
                self.exchange = elapsed(now, other.spoke_at) or elapsed(other.spoke_at, now)

    def shake(self, way, now, p):
        """SYN, SYN-ACK, ACK: what each leg took."""
        mine, other = self.ways[way], self.ways[1 - way]
        if p.flags & SYN:
            mine.shift = None if p.shift is None else min(p.shift, SHIFT_MOST)
        if p.flags & (SYN | ACK) == SYN and self.server != 1 - way:
            mine.syn_at = now
        elif p.flags & (SYN | ACK) == SYN | ACK and self.server is None:
            self.server, self.synack_at, self.synack_sequence = way, now, p.sequence
            if other.syn_at is not None:
                self.server_leg = elapsed(now, other.syn_at)
        elif (
            self.client_leg is None
            and self.synack_at is not None
            and self.server == 1 - way
            and self.is_confirmed_by(p)
        ):
            self.client_leg = elapsed(now, self.synack_at)

    def is_confirmed_by(self, p):
        """Whether the packet acknowledges the SYN-ACK."""
        return p.flags & (SYN | RST | ACK) == ACK and signed(p.ack - self.synack_sequence) >= 1

    def acknowledge(self, other, now, p, side):
        """An ACK ends the timing of a segment that went the other way."""
        if p.flags & ACK and other.timed is not None and signed(p.ack - other.timed) >= 0:
            side.round_trips.append(elapsed(now, other.since))
            other.timed = None

    def sequence(self, way, now, p, side):
        """Where the segment stands against the highest sequence sent."""
        mine = self.ways[way]
        span = p.payload + bool(p.flags & SYN) + bool(p.flags & FIN)
        if not span:
            return
        finish = (p.sequence + span) % FULL
        delta = None if mine.next is None else signed(p.sequence - mine.next)
        if delta is None or (p.flags & SYN and not -SYN_NEAR <= delta < 0):
            mine.timed = None
            self.advance(mine, finish, now, timed=True)
            return
        if delta == -1 and p.payload <= 1 and not p.flags & (SYN | FIN):
            return  # a keep-alive, RFC 9293 section 3.8.4
        if delta < 0:
            self.late(way, now, p, side)
        side.seq_gaps += delta > 0
        if signed(finish - mine.next) > 0:
            self.advance(mine, finish, now, timed=delta >= 0)

    def advance(self, mine, finish, now, *, timed):
        """The highest sequence moves; one segment at a time is timed (RFC 6298 section 3)."""
        mine.next, mine.progress = finish, now
        if timed and mine.timed is None:
            mine.timed, mine.since = finish, now

    def late(self, way, now, p, side):
        """It begins below what was sent: out of order when sooner than a round trip, else sent again."""
        mine = self.ways[way]
        mine.timed = None
        leg = self.server_leg if way == self.server else self.client_leg
        if elapsed(now, mine.progress) < (UNKNOWN_RTT_US if leg is None else leg):
            side.out_of_order += 1
            return
        side.retransmits += 1
        mine.run = mine.run + 1 if p.sequence == mine.repeated else 0
        mine.repeated = p.sequence
        side.repeated_retransmits += mine.run == REPEATED_RUN

    def see_window(self, way, p, side):
        """What the sender says it can take."""
        if p.window is None:
            return
        side.zero_windows += p.window == 0 and not p.flags & (SYN | FIN | RST)
        if p.flags & (ACK | RST) == ACK:
            self.ways[way].window, self.ways[way].window_of_syn = p.window, bool(p.flags & SYN)

    def receive_window(self, way):
        """RFC 7323 section 2.2: both SYNs must have offered a scale, and a SYN's own window is never scaled."""
        mine, other = self.ways[way], self.ways[1 - way]
        if mine.window is None or mine.window_of_syn or None in (mine.shift, other.shift):
            return mine.window
        return mine.window << mine.shift

    def of_way(self, way, side):
        """The record's fields of one direction."""
        counted = side.flags is not None
        trips = side.round_trips
        return {
            "retransmits": side.retransmits if counted else None,
            "repeated_retransmits": side.repeated_retransmits if counted else None,
            "out_of_order": side.out_of_order if counted else None,
            "seq_gaps": side.seq_gaps if counted else None,
            "zero_windows": side.zero_windows if counted else None,
            "receive_window": self.receive_window(way),
            "rtt_min_us": min(trips, default=None),
            "rtt_mean_us": min(sum(trips), MOST) // len(trips) if trips else None,
            "rtt_max_us": max(trips, default=None),
        }

    def of_flow(self):
        """The record's fields that belong to no direction."""
        return {
            "client_latency_us": None if self.client_leg is None else self.client_leg // 2,
            "server_latency_us": None if self.server_leg is None else self.server_leg // 2,
            "fpex_latency_us": self.exchange,
            "first_speaker": None if self.first_way is None else self.first_way + 1,
        }
