"""Kernel: a row's counters since its last record become one record in the outbox (step 7).

Crash order: the record, the note REPORT_PENDING, the head, then the row's counters go to zero. Whoever finds the
note after a kill knows from the head whether the record counts, and finishes the zeroing (worker/recovery.py).
"""

import numpy as np

from shared.elements import NO_U16
from shared.vitals import INDEX
from worker.jit import commit, inlined
from worker.layout import PENDING, VERSION6
from worker.octets import Int

HEAD, REPORT_PENDING, RECORDS_SENT = INDEX["head"], INDEX["report_pending"], INDEX["records_sent"]


@inlined
def report(t: Int, row: Int, reason: Int) -> None:
    """Write the record of `row` with flowEndReason `reason`, if it has counted anything since the last."""
    if not t.flows[row].state & PENDING:
        return
    head = t.words[HEAD]
    fill(t, row, t.outbox[head % len(t.outbox)], reason)
    commit(t.words, REPORT_PENDING, (head + 1) << 32 | (row + 1))
    commit(t.words, HEAD, head + 1)
    t.words[RECORDS_SENT] += 1
    settle(t, row)
    commit(t.words, REPORT_PENDING, 0)


@inlined
def settle(t: Int, row: Int) -> None:
    """What was reported is not counted again."""
    for side in range(2):
        s = t.sides[row, side]
        s.bytes = np.uint64(0)
        s.packets = np.uint32(0)
        s.wire_packets = np.uint32(0)
        s.fragments = np.uint32(0)
        s.tcp_flags = NO_U16
        s.tos = NO_U16
        s.ttl = NO_U16
    t.flows[row].state &= ~PENDING & 0xFF


@inlined
def fill(t: Int, row: Int, record: Int, reason: Int) -> None:
    """All columns of one record (shared/elements.py)."""
    flow, cold = t.flows[row], t.cold[row]
    record.start_ns = flow.start_ns
    record.end_ns = flow.end_ns
    record.ip_version = 6 if flow.state & VERSION6 else 4
    record.end_reason = reason
    record.vlan = (flow.key >> np.uint64(12)) & np.uint64(0xFFF)
    record.inner_vlan = flow.key & np.uint64(0xFFF)
    record.mpls_label = cold.mpls_label
    record.direction = cold.direction
    fill_ends(flow, cold, record)
    fill_forward(t.sides[row, flow.initiator], record)
    fill_reverse(t.sides[row, 1 - flow.initiator], record)


@inlined
def fill_ends(flow: Int, cold: Int, record: Int) -> None:
    """Addresses, ports and link addresses, initiator first."""
    low_port = (flow.key >> np.uint64(48)) & np.uint64(0xFFFF)
    high_port = (flow.key >> np.uint64(32)) & np.uint64(0xFFFF)
    proto = (flow.key >> np.uint64(24)) & np.uint64(0xFF)
    record.proto = proto
    record.icmp_type = NO_U16
    record.icmp_code = NO_U16
    if cold.icmp != NO_U16:
        record.icmp_type = cold.icmp >> 8
        record.icmp_code = cold.icmp & 0xFF
        low_port = high_port = np.uint64(0)
    if flow.initiator == 0:
        record.src_addr_head, record.src_addr_tail = flow.low_head, flow.low_tail
        record.dst_addr_head, record.dst_addr_tail = flow.high_head, flow.high_tail
        record.src_port, record.dst_port = low_port, high_port
        record.src_mac, record.dst_mac = cold.low_mac, cold.high_mac
    else:
        record.src_addr_head, record.src_addr_tail = flow.high_head, flow.high_tail
        record.dst_addr_head, record.dst_addr_tail = flow.low_head, flow.low_tail
        record.src_port, record.dst_port = high_port, low_port
        record.src_mac, record.dst_mac = cold.high_mac, cold.low_mac


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
