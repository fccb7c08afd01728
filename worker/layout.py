"""The flow table's file as arrays: first page, index, rows hot and cold, fragments, outbox; sizes fit the budget.

A flow has one hot row of two cache lines, FLOW and its two SIDEs, touched by every packet, and one COLD row, touched
when it begins and when it is reported. `low` and `high` are the two ends in an order that does not depend on which
one sent a packet; FLOW.initiator says which of them is forward.
"""

from typing import Any, Literal, NamedTuple

import numba
import numpy as np
from numba import types

from shared.record import ROW
from shared.vitals import PAGE_BYTES, WORDS
from worker.jit import WITHOUT_JIT


def _columns(kind: str, names: str) -> list[tuple[str, str]]:
    return [(name, kind) for name in names.split()]


# One packet on its way through the kernels; wide fields, so that plain Python agrees with compiled code.
PACKET = np.dtype(
    [
        *_columns("i8", "at end length next time_ns ip_bytes payload fragment_id"),
        *_columns("i8", "mpls_label sequence acknowledged hash row touched"),
        *_columns("u8", "src_head src_tail dst_head dst_tail src_mac dst_mac"),
        *_columns("u8", "low_head low_tail high_head high_tail key"),
        *_columns("i4", "link tags vlan inner_vlan src_port dst_port window mss"),
        *_columns("i4", "verdict ip_version proto tos ttl tcp_flags direction"),
        *_columns("i4", "fragment icmp payload_at high"),
    ],
    align=True,
)
FLOW = np.dtype(
    [
        *((name, "u8") for name in ("low_head", "low_tail", "high_head", "high_tail", "key")),
        ("start_ns", "i8"),
        ("end_ns", "i8"),
        ("seen", "u4"),
        ("state", "u1"),
        ("initiator", "u1"),
        ("spare", "u2"),
    ]
)
SIDE = np.dtype(
    [
        ("bytes", "u8"),
        *((name, "u4") for name in ("packets", "wire_packets", "fragments", "lifetime")),
        *((name, "u2") for name in ("tcp_flags", "tos", "ttl", "mss")),
    ]
)
HOT = np.dtype([("flow", FLOW), ("sides", SIDE, (2,))])
COLD = np.dtype(
    [
        *((name, "u8") for name in ("low_mac", "high_mac")),
        *((name, "u4") for name in ("mpls_label", "active_at")),
        *((name, "u2") for name in ("icmp", "direction")),
        ("spare", "u4"),
        ("tcp", "u8", (2, 5)),
        ("application", "u8", (2,)),
    ]
)
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

BLOCK_PACKETS = 1024
FRAGMENTS = 4096
OUTBOX_BYTES_MOST = 16 << 20  # the ring's whole length becomes resident in time
NEVER = 0xFFFFFFFF
FLOWS_LEAST = 2  # the strided views of a single row would have another type

# FLOW.state
USED, VERSION6, PENDING, FIN_LOW, FIN_HIGH, RESET = 1, 2, 4, 8, 16, 32


class Table(NamedTuple):
    """Views of one flow table's file, and the settings kernels need."""

    words: Any  # (words of shared/vitals.py,) int64
    index: Any  # (power of two, 2) uint32: hash, row + 1 or 0
    flows: Any  # (capacity,) FLOW, first line of the hot row
    sides: Any  # (capacity, 2) SIDE, second line of the hot row: low, high
    cold: Any  # (capacity,) COLD
    due: Any  # (capacity,) uint32 tick of the next look at the row, NEVER when free
    free: Any  # (capacity,) uint32 stack of rows freed, words[free_rows] deep
    fragments: Any  # (FRAGMENTS,) FRAGMENT
    outbox: Any  # (rows,) ROW, record number modulo its length
    services: Any  # (65536,) uint8, 1 for known service ports
    active: int  # ticks
    idle: int  # ticks
    forget: int  # ticks
    linger: int  # ticks
    mtu: int  # bytes of the largest IP packet that is no offloaded super-frame


def _shapes(capacity: int, outbox_rows: int) -> list[tuple[str, Any, tuple[int, ...]]]:
    buckets = 1 << (2 * capacity - 1).bit_length()
    return [
        ("words", np.dtype("i8"), (len(WORDS),)),
        ("index", np.dtype("u4"), (buckets, 2)),
        ("hot", HOT, (capacity,)),
        ("cold", COLD, (capacity,)),
        ("due", np.dtype("u4"), (capacity,)),
        ("free", np.dtype("u4"), (capacity,)),
        ("fragments", FRAGMENT, (FRAGMENTS,)),
        ("outbox", ROW, (outbox_rows,)),
    ]


def _offsets(capacity: int, outbox_rows: int) -> tuple[list[int], int]:
    offsets, at = [], 0
    for _name, dtype, shape in _shapes(capacity, outbox_rows):
        offsets.append(at)
        size = dtype.itemsize * int(np.prod(shape))
        at += max(PAGE_BYTES, -(-size // PAGE_BYTES) * PAGE_BYTES)
    return offsets, at


def fit(size_bytes: int, max_flows: int) -> tuple[int, int]:
    """(flows, outbox rows) of a table in a file of `size_bytes`. ValueError when it can hold none."""
    outbox_rows = min(OUTBOX_BYTES_MOST, size_bytes // 4) // ROW.itemsize
    capacity = max(max_flows, FLOWS_LEAST)
    while capacity and _offsets(capacity, outbox_rows)[1] > size_bytes:
        capacity = capacity * 15 // 16
    if capacity < FLOWS_LEAST:
        raise ValueError(f"a flow table of {size_bytes} bytes holds no flows")
    return capacity, outbox_rows


class Timing(NamedTuple):
    """Time-outs in ticks and the MTU, the scalars at the end of Table."""

    active: int
    idle: int
    forget: int
    linger: int
    mtu: int


def open_table(file: Any, max_flows: int, timing: Timing) -> Table:
    """Map a flow table's file (an mmap or a bytearray of its size) and view its parts."""
    shapes = _shapes(*fit(len(file), max_flows))
    offsets, _end = _offsets(*fit(len(file), max_flows))
    parts = {
        name: np.ndarray(shape, dtype, file, offset)
        for (name, dtype, shape), offset in zip(shapes, offsets, strict=True)
    }
    hot = parts.pop("hot")
    parts |= {"flows": hot["flow"], "sides": hot["sides"], "services": service_ports()}
    return Table(**{name: plain(part) for name, part in parts.items()}, **Timing._make(timing)._asdict())


def plain(array: Any) -> Any:
    """The array as kernels take it: with attributes for fields when the JIT is off."""
    return array.view(np.recarray) if WITHOUT_JIT and array.dtype.names else array


def new_packets() -> Any:
    """Scratch for one block of packets."""
    return plain(np.zeros(BLOCK_PACKETS, PACKET))


REGISTERED_SERVICES = (
    *(
        1080,
        1194,
        1433,
        1521,
        1701,
        1720,
        1723,
        1812,
        1813,
        1883,
        1900,
        2049,
        2055,
        2181,
        2379,
        3128,
        3268,
        3306,
    ),
    *(
        3389,
        3478,
        3868,
        4739,
        4789,
        5060,
        5061,
        5222,
        5353,
        5355,
        5432,
        5671,
        5672,
        5900,
        5985,
        6081,
        6343,
        6379,
    ),
    *(
        6443,
        6514,
        6653,
        6881,
        8000,
        8008,
        8080,
        8081,
        8086,
        8443,
        8500,
        8883,
        8888,
        9000,
        9042,
        9090,
        9092,
        9200,
    ),
    *(9418, 9995, 10050, 10250, 11211, 15672, 25565, 27017, 50051, 51820),
)


def service_ports() -> Any:
    """1 for each system port (RFC 6335 section 6) and each port above that servers are known to listen on."""
    services = np.zeros(65536, np.uint8)
    services[1:1024] = 1
    services[list(REGISTERED_SERVICES)] = 1
    return services


def _array(
    dtype: Any, dimensions: int = 1, layout: Literal["C", "A"] = "C", *, readonly: bool = False
) -> Any:
    return types.Array(numba.from_dtype(dtype), dimensions, layout, readonly=readonly)


U4 = np.dtype("u4")
BUFFER_TYPE = _array(np.dtype("u1"), readonly=True)
PACKETS_TYPE = _array(PACKET)
TABLE_TYPE = types.NamedTuple(
    [
        *(_array(np.dtype("i8")), _array(U4, 2), _array(FLOW, 1, "A"), _array(SIDE, 2, "A")),
        *(_array(COLD), _array(U4), _array(U4), _array(FRAGMENT), _array(ROW), _array(np.dtype("u1"))),
        *[types.int64] * len(Timing._fields),
    ],
    Table,
)
