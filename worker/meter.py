"""Kernel: one block of packets, each decoded and added to its flow; the only module that knows all steps 3 to 7.

After each packet the cursor moves: a successor maps the same table and goes on with the packet after.
"""

import numpy as np
from numba import types

from shared.counters import drop_counter
from shared.elements import NO_U16
from shared.reasons import Drop, EndReason
from shared.sampling import WORDS as ALL_HASHES
from shared.vitals import INDEX
from worker.biflow import SEED, hash_of, order
from worker.clock import STEP_NS, advance
from worker.decode import decode, decode_mirrored
from worker.decode_ip import LATER_FRAGMENT
from worker.decode_transport import ACK, FIN, RST, SYN, TCP, UDP
from worker.expiry import first_look, is_closed, visit
from worker.fragments import join
from worker.hot_row import side_at, track_at
from worker.jit import inlined, kernel
from worker.jit_memory import commit, prefetch
from worker.layout import BUFFER_TYPE, FRAMES_TYPE, PACKETS_AT_ONCE, TABLE_TYPE
from worker.listen import choose_decoder, hear
from worker.octets import Int, Octets
from worker.report import report
from worker.rows import (
    BOTH_SPOKE,
    DECODER_OFF,
    FIN_HIGH,
    FIN_LOW,
    FLOW,
    HIGH_FIRST,
    LOSS,
    PENDING,
    RESET,
    SIDE,
    TRACK,
)
from worker.sample import is_sampled
from worker.table import INDEX_MASK, begin, find, guess, insert, is_row_of, look_at
from worker.tcp import forget_times, is_sent_again, measure, note_first_payload
from worker.translate import translate

CURSOR_OFFSET, IN_HAND = INDEX["cursor_offset"], INDEX["in_hand"]
RECEIVED, OCTETS, ACCOUNTED = (INDEX[n] for n in ("packets_received", "octets_received", "packets_accounted"))
FIRST_DROP, NOT_SAMPLED = INDEX[drop_counter(Drop(1))], int(Drop.NOT_SAMPLED)
END_OF_FLOW, IDLE_TIMEOUT, FORCED_END = (
    int(EndReason[n]) for n in ("END_OF_FLOW", "IDLE_TIMEOUT", "FORCED_END")
)
COUNTED_BYTES = FLOW.itemsize + 2 * SIDE.itemsize
MEASURED_BYTES = 2 * TRACK.itemsize + 2 * LOSS.itemsize
STRIDE = 16  # a third of what is in hand
IN_HAND_MASK = PACKETS_AT_ONCE - 1
TCP_HEADERS_4, TCP_HEADERS_6 = 40, 60


@inlined
def identify(t: Int, p: Int) -> None:
    """Flow key and hash of a packet whose flow is kept."""
    if p.fragment:
        join(t, p)
    if t.sample_below < ALL_HASHES and not is_sampled(t, p):
        p.verdict = NOT_SAMPLED
        return
    if len(t.translations) > 0:
        translate(t, p)
    order(p)
    p.hash = hash_of(t.words[SEED], p.low_head, p.low_tail, p.high_head, p.high_tail, p.key)


@inlined
def expect(t: Int, p: Int) -> None:
    """The packet's flow, most likely; have its row come."""
    p.row = guess(t, p.hash)
    if p.row >= 0:
        prefetch(t.flows, p.row, COUNTED_BYTES)
        if p.proto == TCP:
            prefetch(t.tracks, track_at(p.row, 0), MEASURED_BYTES)


@inlined
def account(buf: Octets, t: Int, p: Int) -> None:
    """Add one packet to its flow."""
    tick = advance(t, p.time_ns)
    row = p.row
    if row < 0 or not is_row_of(t, row, p):  # the guess was wrong, or the flow came or went since
        row = find(t, p)
    if row >= 0:
        row = still_same_flow(t, row, p, tick)
    if row < 0:
        row = insert(t, p)
        choose_decoder(t, row, p)
        first_look(t, row, tick, p.hash)
    elif p.proto == TCP and is_closed(t.flows[row].state) and opens(p) and not is_sent_again(t, row, p):
        report(t, row, END_OF_FLOW)
        begin(t, row, p)
        choose_decoder(t, row, p)
        t.flows[row].state &= ~(FIN_LOW | FIN_HIGH | RESET | BOTH_SPOKE | HIGH_FIRST) & 0xFF
        first_look(t, row, tick, p.hash)
    count_packet(t, row, p, tick)
    if p.payload > 0 and t.flows[row].decoder != DECODER_OFF and p.fragment != LATER_FRAGMENT:
        hear(buf, t, row, p)


@inlined
def still_same_flow(t: Int, row: Int, p: Int, tick: Int) -> Int:
    """Report or end what was due before this packet; the row, or -1 when the flow had ended."""
    if t.flows[row].due <= tick and not visit(t, row, tick):
        return -1
    away = p.time_ns - t.flows[row].end_ns
    if away > STEP_NS or away < -STEP_NS:  # across a step of the clock: no record spans it
        report(t, row, IDLE_TIMEOUT if away > 0 else FORCED_END)
        forget_times(t, row)
    return row


@inlined
def opens(p: Int) -> Int:
    """A SYN without ACK."""
    return p.tcp_flags & (SYN | ACK) == SYN


@inlined
def count_packet(t: Int, row: Int, p: Int, tick: Int) -> None:
    """Counters of the direction the packet went, times of the record, state of the connection."""
    flow, s = t.flows[row], t.sides[side_at(row, p.high)]
    if not flow.state & PENDING:
        flow.start_ns = p.time_ns
        flow.end_ns = p.time_ns
        if not is_closed(flow.state):
            look_at(t, row, min(np.int64(flow.due), tick + t.idle))
    flow.start_ns = min(flow.start_ns, p.time_ns)
    flow.end_ns = max(flow.end_ns, p.time_ns)
    flow.seen = tick
    if s.packets == 0:
        s.tos = p.tos
        s.ttl = p.ttl
    s.packets += np.uint32(1)
    s.bytes += np.uint64(p.ip_bytes)
    s.lifetime += np.uint32(1)
    s.wire_packets += np.uint32(1)
    s.fragments += np.uint32(1 if p.fragment else 0)
    if p.tcp_flags != NO_U16:
        count_tcp(t, row, p, tick)
    if p.payload > 0 and not flow.state & BOTH_SPOKE and p.proto in (TCP, UDP) and not p.fragment:
        note_first_payload(t, row, p)
    flow.state |= PENDING


@inlined
def count_tcp(t: Int, row: Int, p: Int, tick: Int) -> None:
    """Flags, the offload estimate, how the network performs, and whether the connection has closed."""
    s = t.sides[side_at(row, p.high)]
    s.tcp_flags = p.tcp_flags if s.tcp_flags == NO_U16 else s.tcp_flags | p.tcp_flags
    if p.mss:
        s.mss = p.mss
    if p.ip_bytes > t.mtu and p.payload > 0:
        s.wire_packets += np.uint32(segments(t, p, t.sides[side_at(row, 1 - p.high)].mss) - 1)
    if p.sequence >= 0 and not p.fragment:
        measure(t, row, p)
    if p.tcp_flags & (FIN | RST):
        close(t, row, p, tick)


@inlined
def segments(t: Int, p: Int, announced: Int) -> Int:
    """How many packets a super-frame was on the wire: payload by the receiver's MSS (RFC 9293 section 3.7.1)."""
    size = np.int64(announced)
    if size == 0:
        size = t.mtu - (TCP_HEADERS_4 if p.ip_version == 4 else TCP_HEADERS_6)
    return (p.payload + size - 1) // size


@inlined
def close(t: Int, row: Int, p: Int, tick: Int) -> None:
    """Note a FIN or RST; once closed the row lingers for late segments, but no longer than that."""
    flow = t.flows[row]
    was_closed = is_closed(flow.state)
    if p.tcp_flags & RST:
        flow.state |= RESET
    else:
        flow.state |= FIN_HIGH if p.high else FIN_LOW
    if is_closed(flow.state) and not was_closed:
        look_at(t, row, tick + t.linger)


@inlined
def conclude(buf: Octets, t: Int, p: Int) -> None:
    """Account or drop one packet, and move the cursor behind it."""
    commit(t.words, IN_HAND, p.next)
    if p.verdict == 0:
        account(buf, t, p)
        t.words[ACCOUNTED] += 1
    else:
        t.words[FIRST_DROP + p.verdict - 1] += 1
    t.words[OCTETS] += p.length
    t.words[RECEIVED] += 1
    commit(t.words, CURSOR_OFFSET, p.next)


@inlined
def take_up(buf: Octets, t: Int, frame: Int, p: Int) -> None:
    """Decode a frame, and have the place of its flow in the index come."""
    decode(buf, frame, p)
    if t.mirror:
        decode_mirrored(buf, p)
    p.hash = 0
    if p.verdict == 0:
        identify(t, p)
        prefetch(t.index, p.hash & t.words[INDEX_MASK])


@kernel(types.void(BUFFER_TYPE, FRAMES_TYPE, types.int64, TABLE_TYPE))
def meter(buf: Octets, frames: Int, count: Int, t: Int) -> None:
    """Account `count` frames; the outbox has room for two records of each.

    Three steps on their way past each other: what one fetches has come when the next needs it.
    """
    for start in range(0, count + 2 * STRIDE, STRIDE):
        for i in range(start, min(start + STRIDE, count)):
            take_up(buf, t, frames[i], t.packets[i & IN_HAND_MASK])
        for i in range(max(start - STRIDE, 0), min(start, count)):
            expect(t, t.packets[i & IN_HAND_MASK])
        for i in range(max(start - 2 * STRIDE, 0), min(start - STRIDE, count)):
            conclude(buf, t, t.packets[i & IN_HAND_MASK])
