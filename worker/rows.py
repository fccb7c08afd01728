"""What the flow table's file is made of: rows kept for flows, fragments and questions; and a packet on its way there.

A flow has one hot row of four cache lines, FLOW, its two SIDEs, its two TRACKs and its two LOSSes, which packets
touch, and one cold row of one, COLD, touched when it begins and when it is reported. A line of another row is another
page, and costs a packet as much as the first three lines of its own.
`low` and `high` are the two ends in an order that does not depend on which one sent a packet; FLOW.initiator says
which of them is forward.
"""

import numpy as np

from worker.decoders.cells import NUMBERS, TEXTS


def _columns(kind: str, names: str) -> list[tuple[str, str]]:
    return [(name, kind) for name in names.split()]


# Where a frame stands in the source's buffer, [at, end), and what the source knows of it.
FRAME = np.dtype(
    [
        *_columns("i8", "at end length next time_ns"),
        *_columns("i4", "link"),
        *_columns("u2", "vlan inner_vlan"),
        *_columns("u1", "tags direction"),
    ],
    align=True,
)
# One packet on its way through the kernels; wide fields, so that plain Python agrees with compiled code.
PACKET = np.dtype(
    [
        *_columns("i8", "at end length next time_ns ip_bytes payload fragment_id"),
        *_columns("i8", "mpls_label sequence acknowledged hash row"),
        *_columns("u8", "src_head src_tail dst_head dst_tail src_mac dst_mac"),
        *_columns("u8", "low_head low_tail high_head high_tail key"),
        *_columns("i4", "link tags vlan inner_vlan src_port dst_port window window_scale mss"),
        *_columns("i4", "verdict ip_version proto tos ttl tcp_flags direction"),
        *_columns("i4", "fragment icmp payload_at high"),
    ],
    align=True,
)
FLOW = np.dtype(
    [
        *((name, "u8") for name in ("low_head", "low_tail", "high_head", "high_tail")),
        ("start_ns", "i8"),
        ("end_ns", "i8"),
        ("ports", "u4"),  # of the low end, then of the high end
        ("seen", "u4"),  # tick of its last packet
        ("due", "u4"),  # tick of the next look at it, as in Table.due
        *((name, "u1") for name in ("proto", "state", "initiator")),
        ("decoder", "u1"),  # AppProtocol whose messages are looked for
    ]
)
SIDE = np.dtype(
    [
        ("bytes", "u8"),
        *((name, "u4") for name in ("packets", "wire_packets", "fragments", "lifetime")),
        *((name, "u2") for name in ("tcp_flags", "tos", "ttl", "mss")),
    ]
)
# What one end has sent so far; times are microseconds modulo 2^32, and so are differences of them.
TRACK = np.dtype(
    [
        ("next", "u4"),  # sequence number behind the highest sent
        ("progress_us", "u4"),  # when that was
        ("timed", "u4"),  # sequence number whose acknowledgement is waited for, while TIMED
        ("timed_us", "u4"),
        ("payload_us", "u4"),  # first payload, once SPOKE
        ("head", "u4"),  # sequence number at which the next message begins
        *((name, "u2") for name in ("window", "marks", "slab")),
        *((name, "u1") for name in ("scale", "phase")),
    ]
)
COLD = np.dtype(
    [
        *(
            (name, "u8") for name in ("low_link", "high_link")
        ),  # MAC, and above its 48 bits a VLAN id: outer, inner
        *((name, "u4") for name in ("mpls_label", "active_at")),
        *((name, "u2") for name in ("icmp", "asked", "answered")),
        ("direction", "u1"),
        ("by", "u1"),  # AppBy: what chose FLOW.decoder
        (
            "handshake",
            "u4",
            (2,),
        ),  # of the SYN's sender: time of its last, then the SYN-ACK's sequence number
        ("late", "u4", (2,)),  # sequence number of the last retransmit
        *((name, "u4") for name in ("client_us", "server_us", "fpex_us")),
        ("runs", "u1", (2,)),  # how often that one was sent again
        ("repeated", "u1", (2,)),
    ]
)
# What one end's segments met since the last record.
LOSS = np.dtype(
    [
        *((name, "u4") for name in ("rtt_min", "rtt_max", "rtt_sum", "rtt_count")),
        *((name, "u4") for name in ("retransmits", "out_of_order", "seq_gaps", "zero_windows")),
    ]
)
HOT = np.dtype([("flow", FLOW), ("sides", SIDE, (2,)), ("tracks", TRACK, (2,)), ("losses", LOSS, (2,))])
FRAGMENT = np.dtype(
    [
        ("datagram", "u8"),
        ("src_port", "u2"),
        ("dst_port", "u2"),
        ("proto", "u2"),
        ("icmp", "u2"),
        ("time_ns", "i8"),
    ]
)
# A message that waits for its answer: a request, a query, a hello; its texts stay in the text ring while that holds.
ASKED = np.dtype(
    [
        ("tag", "u8"),
        ("time_ns", "i8"),
        ("text_at", "u8"),
        ("numbers", "u4", (NUMBERS,)),
        ("lengths", "u2", (TEXTS,)),
        ("kind", "u2"),
        ("noted", "u4"),  # by its dialog
    ]
)
HOPES = 8
# The beginning of a message that came in several segments.
SLAB = np.dtype(
    [
        ("time_ns", "i8"),  # of the segment it began in
        ("last_ns", "i8"),  # of the segment that came last
        ("gap_ns", "i8"),  # since when octets are missing
        ("owner", "u4"),  # 2 row + side + 1
        ("heard", "u4"),  # what that end acknowledged in the first of the segments
        *((name, "u2") for name in ("skip", "have", "island", "island_end")),
        ("hope_at", "u2", (HOPES,)),  # worker/hopes.py; 0: free
        ("hope_heard", "u4", (HOPES,)),
        ("hope_ns", "i8", (HOPES,)),
    ]
)

# FLOW.state
USED, VERSION6, PENDING, FIN_LOW, FIN_HIGH, RESET, BOTH_SPOKE, HIGH_FIRST = 1, 2, 4, 8, 16, 32, 64, 128
DECODER_UNKNOWN, DECODER_OFF = 0, 255  # FLOW.decoder beside AppProtocol: look what it is; nothing to look for

# TRACK.phase: what is expected at TRACK.head
PHASE_SEEK, PHASE_HEADS, PHASE_CHUNKS, PHASE_START, PHASE_ANSWER, PHASE_OFF = range(6)
