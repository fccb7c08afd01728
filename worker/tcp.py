"""Kernel: what a TCP segment tells about the network: loss, order, windows, round trips (step 6).

Sequence numbers are compared modulo 2^32 (RFC 9293 section 3.4). One segment a direction is timed at a time, and
never one that was sent again (RFC 6298 section 3), so that connections joined mid-way are measured too.
"""

import numpy as np

from worker.decode_transport import ACK, FIN, RST, SYN
from worker.hot_row import loss_at, track_at
from worker.jit import inlined
from worker.octets import Int
from worker.rows import BOTH_SPOKE, HIGH_FIRST, PHASE_SEEK

STARTED, TIMED, SCALED, SYN_SENT, SYN_ACKED = 1, 2, 4, 8, 16
WINDOW, UNSCALED, AWAITED, SPOKE, LATE, HEAD_KNOWN = 32, 64, 128, 256, 512, 1024
MISSED = 2048  # messages of this end may have been missed
WORD = 0xFFFFFFFF
HALF = 1 << 31
NEW_SYN_DISTANCE = 1 << 16  # a SYN no further behind is one sent again
REORDER_US = 3000  # until the handshake has told the round trip (kprobe's figure)
REPEATS = 3  # the fourth time of one segment
COUNT_MOST = WORD - 1
BACK_US = 60_000_000  # as far back as packets' times may go before that is a step (worker/clock.py)


@inlined
def distance(a: Int, b: Int) -> Int:
    """How far sequence number `a` is ahead of `b`, negative when behind."""
    return ((a - b + HALF) & WORD) - HALF


@inlined
def microseconds(time_ns: Int) -> Int:
    """Packet time as TRACKs keep it."""
    return (time_ns // 1000) & WORD


@inlined
def elapsed(now: Int, then: Int) -> Int:
    """Microseconds from one time of a TRACK to another, modulo 71 minutes; none where packets' times go back."""
    ahead = (now - np.int64(then)) & WORD
    return ahead if ahead < WORD - BACK_US else np.int64(0)


@inlined
def measure(t: Int, row: Int, p: Int) -> None:
    """One whole segment: handshake, the other end's round trip, its place in the sequence, its window."""
    own, other, now = (
        t.tracks[track_at(row, p.high)],
        t.tracks[track_at(row, 1 - p.high)],
        microseconds(p.time_ns),
    )
    if p.tcp_flags & SYN:
        greet(t, row, p, now)
    if p.tcp_flags & ACK:
        if own.marks & AWAITED:
            answer_handshake(t, row, p, now)
        if other.marks & TIMED and distance(p.acknowledged, np.int64(other.timed)) >= 0:
            other.marks &= ~TIMED & 0xFFFF
            sample(t.losses[loss_at(row, 1 - p.high)], elapsed(now, other.timed_us))
    span = p.payload + (1 if p.tcp_flags & SYN else 0) + (1 if p.tcp_flags & FIN else 0)
    if span > 0:
        place(t, row, p, now, span)
    if p.window >= 0:
        look_at_window(t, row, own, p)


@inlined
def forget_times(t: Int, row: Int) -> None:
    """The clock has stepped: what was awaited cannot be timed any more."""
    for side in range(2):
        t.tracks[track_at(row, side)].marks &= ~(TIMED | SYN_SENT | AWAITED) & 0xFFFF


@inlined
def greet(t: Int, row: Int, p: Int, now: Int) -> None:
    """A SYN or SYN-ACK: handshake times, and whether windows will be scaled (RFC 7323 section 2.2)."""
    own, other, cold = t.tracks[track_at(row, p.high)], t.tracks[track_at(row, 1 - p.high)], t.cold[row]
    if own.phase == PHASE_SEEK:
        own.head = (p.sequence + 1) & WORD
        own.marks |= HEAD_KNOWN
    own.marks &= ~SCALED & 0xFFFF
    if p.window_scale >= 0:
        own.marks |= SCALED
        own.scale = p.window_scale
    if not p.tcp_flags & ACK:
        if not (own.marks | other.marks) & SYN_ACKED:
            own.marks |= SYN_SENT
            cold.handshake[p.high] = now
    elif not (own.marks | other.marks) & SYN_ACKED:
        own.marks |= SYN_ACKED
        if other.marks & SYN_SENT:
            cold.server_us = elapsed(now, cold.handshake[1 - p.high])
        other.marks |= AWAITED
        cold.handshake[1 - p.high] = p.sequence
        cold.handshake[p.high] = now


@inlined
def answer_handshake(t: Int, row: Int, p: Int, now: Int) -> None:
    """The ACK that ends the handshake: the client's leg."""
    cold = t.cold[row]
    if not p.tcp_flags & (SYN | RST) and distance(p.acknowledged, np.int64(cold.handshake[p.high])) >= 1:
        t.tracks[track_at(row, p.high)].marks &= ~AWAITED & 0xFFFF
        cold.client_us = elapsed(now, cold.handshake[1 - p.high])


@inlined
def sample(loss: Int, rtt_us: Int) -> None:
    """One round trip more."""
    loss.rtt_min = min(np.int64(loss.rtt_min), rtt_us)
    loss.rtt_max = max(np.int64(loss.rtt_max), rtt_us)
    loss.rtt_sum = min(np.int64(loss.rtt_sum) + rtt_us, COUNT_MOST)
    loss.rtt_count += np.uint32(1)


@inlined
def place(t: Int, row: Int, p: Int, now: Int, span: Int) -> None:
    """Where a segment that takes sequence numbers stands: next, early, late, or a connection's first."""
    own = t.tracks[track_at(row, p.high)]
    finish = (p.sequence + span) & WORD
    ahead = distance(p.sequence, np.int64(own.next))
    is_new_syn = (p.tcp_flags & SYN) != 0 and not -NEW_SYN_DISTANCE <= ahead < 0
    is_first = is_new_syn or (own.marks & STARTED) == 0
    if not is_first and ahead < 0:
        if ahead == -1 and p.payload <= 1 and not p.tcp_flags & (SYN | FIN):
            return  # a keep-alive
        own.marks &= ~TIMED & 0xFFFF
        count_late(t, row, p, now)
    elif not is_first and ahead > 0:
        t.losses[loss_at(row, p.high)].seq_gaps += np.uint32(1)
    if is_first or distance(finish, np.int64(own.next)) > 0:
        own.next = finish
        own.progress_us = now
        if is_first or (ahead >= 0 and (own.marks & TIMED) == 0):
            own.timed = finish
            own.timed_us = now
            own.marks |= TIMED
        own.marks |= STARTED


@inlined
def is_sent_again(t: Int, row: Int, p: Int) -> bool:
    """A SYN with the sequence number of the last one: after a reset some try once more, and no connection begins."""
    own = t.tracks[track_at(row, p.high)]
    behind = distance(p.sequence, np.int64(own.next))
    return (own.marks & STARTED) != 0 and -NEW_SYN_DISTANCE <= behind < 0  # type: ignore[no-any-return]


@inlined
def count_late(t: Int, row: Int, p: Int, now: Int) -> None:
    """A segment from behind: overtaken if it comes within a round trip of the last progress, else sent again."""
    cold, loss, side = t.cold[row], t.losses[loss_at(row, p.high)], p.high
    leg = np.int64(cold.server_us if t.tracks[track_at(row, side)].marks & SYN_ACKED else cold.client_us)
    limit = REORDER_US if leg == WORD else leg
    if elapsed(now, t.tracks[track_at(row, side)].progress_us) < limit:
        loss.out_of_order += np.uint32(1)
        return
    loss.retransmits += np.uint32(1)
    own = t.tracks[track_at(row, side)]
    if (own.marks & LATE) == 0 or np.int64(cold.late[side]) != p.sequence:
        own.marks |= LATE
        cold.late[side] = p.sequence
        cold.runs[side] = 0
        return
    cold.runs[side] = min(np.int64(cold.runs[side]) + 1, 255)
    if cold.runs[side] == REPEATS:
        cold.repeated[side] = min(np.int64(cold.repeated[side]) + 1, 255)


@inlined
def look_at_window(t: Int, row: Int, own: Int, p: Int) -> None:
    """Keep the window of an acknowledgement, not yet scaled; a window of zero counts unless SYN, FIN or RST."""
    if p.window == 0 and not p.tcp_flags & (SYN | FIN | RST):
        t.losses[loss_at(row, p.high)].zero_windows += np.uint32(1)
    if p.tcp_flags & (ACK | RST) == ACK:
        own.window = p.window
        own.marks |= WINDOW
        own.marks &= ~UNSCALED & 0xFFFF
        if p.tcp_flags & SYN:
            own.marks |= UNSCALED


@inlined
def receive_window(own: Int, other: Int) -> Int:
    """The last window in bytes: scaled once both ends' SYNs offered it; WORD when none was seen."""
    if not own.marks & WINDOW:
        return WORD
    is_scaled = own.marks & (SCALED | UNSCALED) == SCALED and (other.marks & SCALED) != 0
    return np.int64(own.window) << np.int64(own.scale if is_scaled else 0)


@inlined
def note_first_payload(t: Int, row: Int, p: Int) -> None:
    """First payload exchange: from the first octets of who speaks first to the first of who speaks second."""
    from_here, there = t.tracks[track_at(row, p.high)], t.tracks[track_at(row, 1 - p.high)]
    if not from_here.marks & SPOKE:
        from_here.marks |= SPOKE
        from_here.payload_us = microseconds(p.time_ns)
        if not there.marks & SPOKE:
            t.flows[row].state |= HIGH_FIRST if p.high else 0
        else:
            t.flows[row].state |= BOTH_SPOKE
            now = np.int64(from_here.payload_us)
            since = elapsed(now, there.payload_us)
            t.cold[row].fpex_us = since or elapsed(np.int64(there.payload_us), now)
