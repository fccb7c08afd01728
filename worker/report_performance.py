"""Kernel: how network and applications performed, as columns of one record (step 7)."""

import numpy as np

from shared.elements import NO_U16, NO_U32
from shared.reasons import Speaker
from worker.biflow import hash_of_row
from worker.decode_transport import TCP, UDP
from worker.hot_row import loss_at, side_at, track_at
from worker.jit import inlined
from worker.octets import Int
from worker.rows import HIGH_FIRST
from worker.tcp import SPOKE, receive_window

NONE, INITIATOR, RESPONDER = 0, int(Speaker.INITIATOR), int(Speaker.RESPONDER)


@inlined
def fill_performance(t: Int, row: Int, record: Int) -> None:
    """Latencies, connection and what each direction met; absent where the flow is no TCP or nothing was measured."""
    cold, first = t.cold[row], t.flows[row].initiator
    record.client_latency_us = halved(cold.client_us)
    record.server_latency_us = halved(cold.server_us)
    record.fpex_latency_us = cold.fpex_us
    record.first_speaker = first_speaker(t, row)
    record.mss = t.sides[side_at(row, first)].mss
    record.rev_mss = t.sides[side_at(row, 1 - first)].mss
    record.connection_id = 0
    if record.proto in (TCP, UDP):
        record.connection_id = hash_of_row(t, row)
    if record.proto == TCP:
        fill_forward_loss(t, row, first, record)
        fill_reverse_loss(t, row, 1 - first, record)
    else:
        fill_no_loss(record)


@inlined
def first_speaker(t: Int, row: Int) -> Int:
    """Which side's payload came first, or none."""
    if not (t.tracks[track_at(row, 0)].marks | t.tracks[track_at(row, 1)].marks) & SPOKE:
        return NONE
    was_high = 1 if t.flows[row].state & HIGH_FIRST else 0
    return INITIATOR if was_high == t.flows[row].initiator else RESPONDER


@inlined
def halved(leg_us: Int) -> Int:
    """Half a leg of the handshake, or absent."""
    return NO_U32 if np.int64(leg_us) == NO_U32 else np.int64(leg_us) // 2


@inlined
def mean(loss: Int) -> Int:
    """Mean round trip in microseconds, or absent."""
    return np.int64(loss.rtt_sum) // np.int64(loss.rtt_count) if loss.rtt_count else NO_U32


@inlined
def fill_forward_loss(t: Int, row: Int, side: Int, record: Int) -> None:
    """What the initiator's segments met."""
    loss, is_tcp = t.losses[loss_at(row, side)], t.sides[side_at(row, side)].tcp_flags != NO_U16
    record.retransmits = loss.retransmits if is_tcp else np.uint32(NO_U32)
    record.repeated_retransmits = np.uint32(t.cold[row].repeated[side]) if is_tcp else np.uint32(NO_U32)
    record.out_of_order = loss.out_of_order if is_tcp else np.uint32(NO_U32)
    record.seq_gaps = loss.seq_gaps if is_tcp else np.uint32(NO_U32)
    record.zero_windows = loss.zero_windows if is_tcp else np.uint32(NO_U32)
    record.receive_window = receive_window(t.tracks[track_at(row, side)], t.tracks[track_at(row, 1 - side)])
    record.rtt_min_us = loss.rtt_min
    record.rtt_mean_us = mean(loss)
    record.rtt_max_us = loss.rtt_max if loss.rtt_count else np.uint32(NO_U32)


@inlined
def fill_reverse_loss(t: Int, row: Int, side: Int, record: Int) -> None:
    """What the responder's segments met."""
    loss, is_tcp = t.losses[loss_at(row, side)], t.sides[side_at(row, side)].tcp_flags != NO_U16
    record.rev_retransmits = loss.retransmits if is_tcp else np.uint32(NO_U32)
    record.rev_repeated_retransmits = np.uint32(t.cold[row].repeated[side]) if is_tcp else np.uint32(NO_U32)
    record.rev_out_of_order = loss.out_of_order if is_tcp else np.uint32(NO_U32)
    record.rev_seq_gaps = loss.seq_gaps if is_tcp else np.uint32(NO_U32)
    record.rev_zero_windows = loss.zero_windows if is_tcp else np.uint32(NO_U32)
    record.rev_receive_window = receive_window(
        t.tracks[track_at(row, side)], t.tracks[track_at(row, 1 - side)]
    )
    record.rev_rtt_min_us = loss.rtt_min
    record.rev_rtt_mean_us = mean(loss)
    record.rev_rtt_max_us = loss.rtt_max if loss.rtt_count else np.uint32(NO_U32)


@inlined
def fill_no_loss(record: Int) -> None:
    """No TCP, nothing measured by it."""
    absent = np.uint32(NO_U32)
    record.retransmits, record.rev_retransmits = absent, absent
    record.repeated_retransmits, record.rev_repeated_retransmits = absent, absent
    record.out_of_order, record.rev_out_of_order = absent, absent
    record.seq_gaps, record.rev_seq_gaps = absent, absent
    record.zero_windows, record.rev_zero_windows = absent, absent
    record.receive_window, record.rev_receive_window = absent, absent
    record.rtt_min_us, record.rev_rtt_min_us = absent, absent
    record.rtt_mean_us, record.rev_rtt_mean_us = absent, absent
    record.rtt_max_us, record.rev_rtt_max_us = absent, absent
