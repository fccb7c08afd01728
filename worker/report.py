"""Kernel: a row's counters since its last record become one record in the outbox (step 7).

Crash order: the record, the note REPORT_PENDING, the head, then the row's counters go to zero. Whoever finds the
note after a kill knows from the head whether the record counts, and finishes the zeroing (worker/recovery.py).
"""

import numpy as np

from shared.elements import NO_U16, NO_U32
from shared.reasons import EndReason
from shared.vitals import INDEX
from worker.asked import NOBODY
from worker.decode_transport import TCP
from worker.decoders.cells import clear
from worker.hot_row import loss_at, side_at
from worker.jit import called, inlined
from worker.jit_memory import commit
from worker.octets import Int
from worker.report_exchange import fill_exchange, fill_no_exchange, unanswered
from worker.report_performance import fill_performance
from worker.rows import PENDING, VERSION6

HEAD, TAIL, REPORT_PENDING, RECORDS_SENT, MESSAGES_SHED = (
    INDEX[n] for n in ("head", "tail", "report_pending", "records_sent", "messages_shed")
)
EXCHANGE = int(EndReason.EXCHANGE)
MAC_BITS = np.uint64(48)
MAC = np.uint64((1 << 48) - 1)
OUTBOX_RESERVE = 2048  # records that a block of packets can write without exchanges


@called
def report(t: Int, row: Int, reason: Int) -> None:
    """Write the record of `row` with flowEndReason `reason`, if there is anything new to tell."""
    question = unanswered(t, row, reason)
    if question == NOBODY and not t.flows[row].state & PENDING:
        return
    head = t.words[HEAD]
    record = t.outbox[head % len(t.outbox)]
    fill(t, row, record, reason)
    if question == NOBODY:
        fill_no_exchange(t, record)
    else:
        clear(t.exchange[0])
        fill_exchange(t, row, record, t.exchange[0], question, NO_U32)
    publish(t, row, head)


@called
def tell(t: Int, row: Int, x: Int, question: Int, time_ns: Int) -> None:
    """Write the record of an exchange whose answer began at `time_ns`; `question` is its place in t.asked or NOBODY.

    A segment may hold hundreds of answers: they stop short of the room that flows need.
    """
    head = t.words[HEAD]
    if head - t.words[TAIL] + OUTBOX_RESERVE >= len(t.outbox):
        t.words[MESSAGES_SHED] += 1
        return
    record = t.outbox[head % len(t.outbox)]
    latency_us: Int = np.int64(NO_U32)
    if question != NOBODY:
        latency_us = min(max(time_ns - t.asked[question].time_ns, 0) // 1000, NO_U32 - 1)
    fill(t, row, record, EXCHANGE)
    fill_exchange(t, row, record, x, question, latency_us)
    publish(t, row, head)


@called
def publish(t: Int, row: Int, head: Int) -> None:
    """The record counts from here on, and its counters no more."""
    commit(t.words, REPORT_PENDING, (head + 1) << 32 | (row + 1))
    commit(t.words, HEAD, head + 1)
    t.words[RECORDS_SENT] += 1
    settle(t, row)
    commit(t.words, REPORT_PENDING, 0)


@inlined
def settle(t: Int, row: Int) -> None:
    """What was reported is not counted again."""
    is_tcp = t.flows[row].proto == TCP
    for side in range(2):
        s = t.sides[side_at(row, side)]
        s.bytes = np.uint64(0)
        s.packets = np.uint32(0)
        s.wire_packets = np.uint32(0)
        s.fragments = np.uint32(0)
        if is_tcp:
            forget_loss(t.losses[loss_at(row, side)])
            t.cold[row].repeated[side] = 0
        s.tcp_flags = NO_U16
        s.tos = NO_U16
        s.ttl = NO_U16
    t.flows[row].state &= ~PENDING & 0xFF


@inlined
def forget_loss(loss: Int) -> None:
    """Nothing met since the last record."""
    loss.rtt_min = np.uint32(NO_U32)
    loss.rtt_max = np.uint32(0)
    loss.rtt_sum = np.uint32(0)
    loss.rtt_count = np.uint32(0)
    loss.retransmits = np.uint32(0)
    loss.out_of_order = np.uint32(0)
    loss.seq_gaps = np.uint32(0)
    loss.zero_windows = np.uint32(0)


@called
def fill(t: Int, row: Int, record: Int, reason: Int) -> None:
    """All columns of one record (shared/elements.py)."""
    flow, cold = t.flows[row], t.cold[row]
    record.start_ns = flow.start_ns
    record.end_ns = flow.end_ns
    record.ip_version = 6 if flow.state & VERSION6 else 4
    record.end_reason = reason
    record.vlan = cold.low_link >> MAC_BITS
    record.inner_vlan = cold.high_link >> MAC_BITS
    record.mpls_label = cold.mpls_label
    record.direction = cold.direction
    fill_ends(flow, cold, record)
    fill_forward(t.sides[side_at(row, flow.initiator)], record)
    fill_reverse(t.sides[side_at(row, 1 - flow.initiator)], record)
    fill_performance(t, row, record)


@inlined
def fill_ends(flow: Int, cold: Int, record: Int) -> None:
    """Addresses, ports and link addresses, initiator first."""
    low_port, high_port = flow.ports >> 16, flow.ports & 0xFFFF
    low_mac, high_mac = cold.low_link & MAC, cold.high_link & MAC
    record.proto = flow.proto
    record.icmp_type = NO_U16
    record.icmp_code = NO_U16
    if cold.icmp != NO_U16:
        record.icmp_type = cold.icmp >> 8
        record.icmp_code = cold.icmp & 0xFF
        low_port = high_port = 0
    if flow.initiator == 0:
        record.src_addr_head, record.src_addr_tail = flow.low_head, flow.low_tail
        record.dst_addr_head, record.dst_addr_tail = flow.high_head, flow.high_tail
        record.src_port, record.dst_port = low_port, high_port
        record.src_mac, record.dst_mac = low_mac, high_mac
    else:
        record.src_addr_head, record.src_addr_tail = flow.high_head, flow.high_tail
        record.dst_addr_head, record.dst_addr_tail = flow.low_head, flow.low_tail
        record.src_port, record.dst_port = high_port, low_port
        record.src_mac, record.dst_mac = high_mac, low_mac


@inlined
def fill_forward(side: Int, record: Int) -> None:
    """Counters of the initiator's side."""
    record.packets = side.packets
    record.bytes = side.bytes
    record.wire_packets = side.wire_packets
    record.fragments = side.fragments
    record.tcp_flags = side.tcp_flags
    record.tos = side.tos
    record.ttl = side.ttl


@inlined
def fill_reverse(side: Int, record: Int) -> None:
    """Counters of the responder's side."""
    record.rev_packets = side.packets
    record.rev_bytes = side.bytes
    record.rev_wire_packets = side.wire_packets
    record.rev_fragments = side.fragments
    record.rev_tcp_flags = side.tcp_flags
    record.rev_tos = side.tos
    record.rev_ttl = side.ttl
