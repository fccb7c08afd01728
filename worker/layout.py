"""The flow table's file as arrays: first page, index, rows, texts, outbox; sizes fit the budget."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types

from shared.record import ROW
from shared.sampling import WORDS as ALL_HASHES
from shared.vitals import PAGE_BYTES, WORDS
from worker import jit_names
from worker.decoders.cells import EXCHANGE, OUT_BYTES
from worker.hot_row import FLOW_OF_ROW, hot_parts
from worker.jit import WITHOUT_JIT
from worker.rows import ASKED, COLD, FRAGMENT, FRAME, HOT, LOSS, PACKET, SIDE, SLAB, TRACK
from worker.services import application_ports, service_ports
from worker.translate import TRANSLATION, translations

BLOCK_PACKETS = 2048
PACKETS_AT_ONCE = 64  # power of two; few enough to stay in the first-level cache
FRAGMENTS = 4096
OUTBOX_BYTES_MOST = 16 << 20  # the ring's whole length becomes resident in time
TEXTS_BYTES_MOST = 4 << 20
ASKED_MOST = 1 << 14  # a mebibyte: what is asked of it stays near the processor
SLABS_MOST, SLAB_BYTES = 512, 8192
SHARE = 16  # texts, questions and slabs each take at most this part of a small file
HUGE_BYTES, LARGE_BYTES = 2 << 20, 16 << 20
FROM_HUGE_PAGE = frozenset({"index", "hot", "cold"})
NEVER = 0xFFFFFFFF
FLOWS_LEAST = 2  # the strided views of a single row would have another type


class Table(NamedTuple):
    """Views of one flow table's file, tables and scratch of this process, and the settings kernels need."""

    words: Any  # (words of shared/vitals.py,) int64
    index: Any  # (power of two,) int64: row + 1 above 32 bits of hash, or 0; in use: to words[index_mask]
    flows: Any  # (capacity,) FLOW, first line of a hot row
    sides: Any  # SIDEs in the hot rows, at side_at(row, end)
    tracks: Any  # TRACKs in the hot rows, at track_at(row, end)
    losses: Any  # LOSSes in the hot rows, at loss_at(row, end)
    cold: Any  # (capacity,) COLD
    due: Any  # (capacity,) uint32 tick of the next look at the row, NEVER when free
    free: Any  # (capacity,) uint32 stack of rows freed, words[free_rows] deep
    fragments: Any  # (FRAGMENTS,) FRAGMENT
    asked: Any  # (power of two,) ASKED, four places a tag
    slabs: Any  # (slabs,) SLAB
    slab_bytes: Any  # (slabs * SLAB_BYTES,) uint8, beginnings of messages
    slab_view: Any  # the same, read only: what decoders are compiled for
    texts: Any  # (power of two,) uint8 ring, words[texts_head] the next place
    outbox: Any  # (rows,) ROW, record number modulo its length
    services: Any  # (65536,) uint8, 1 for known service ports
    ports: Any  # (2, 65536) uint8, AppProtocol by TCP and UDP port
    packets: Any  # (PACKETS_AT_ONCE,) PACKET, those the meter has in hand
    letters: Any  # (BLOCK_PACKETS,) PACKET, words[letters] datagrams of a block that Python must open
    exchange: Any  # (1,) EXCHANGE, what a decoder has just read
    out: Any  # (OUT_BYTES,) uint8, its texts
    translations: Any  # (any,) TRANSLATION, sorted
    active: int  # ticks
    idle: int  # ticks
    forget: int  # ticks
    linger: int  # ticks
    mtu: int  # bytes of the largest IP packet that is no offloaded super-frame
    decode: int  # 1: application messages are looked for
    sample_below: int  # a flow is kept whose sampling hash is below this; 2^32: all
    end_key: int  # 32 bits of the sampling key
    pair_key: int  # the other 32
    mirror: int  # 1: packets come wrapped, as a Juniper router mirrors them


PACKED_ANSWERS = 2  # Rules.decode: `flowherd dns`


class Rules(NamedTuple):
    """The settings kernels heed, scalars at the end of Table: time-outs in ticks, MTU, decoding, sampling, mirror."""

    active: int
    idle: int
    forget: int
    linger: int
    mtu: int
    decode: int = 1
    sample_below: int = ALL_HASHES
    end_key: int = 0
    pair_key: int = 0
    mirror: int = 0


class Extent(NamedTuple):
    """How much of each a file holds."""

    flows: int
    outbox_rows: int
    texts_bytes: int
    asked: int
    slabs: int


def _shapes(extent: Extent) -> list[tuple[str, Any, tuple[int, ...]]]:
    buckets = 1 << (2 * extent.flows - 1).bit_length()
    return [
        ("words", np.dtype("i8"), (len(WORDS),)),
        ("due", np.dtype("u4"), (extent.flows,)),
        ("free", np.dtype("u4"), (extent.flows,)),
        ("fragments", FRAGMENT, (FRAGMENTS,)),
        ("asked", ASKED, (extent.asked,)),
        ("slabs", SLAB, (extent.slabs,)),
        ("slab_bytes", np.dtype("u1"), (extent.slabs * SLAB_BYTES,)),
        ("texts", np.dtype("u1"), (extent.texts_bytes,)),
        ("outbox", ROW, (extent.outbox_rows,)),
        ("index", np.dtype("i8"), (buckets,)),
        ("hot", HOT, (extent.flows,)),
        ("cold", COLD, (extent.flows,)),
    ]


def _offsets(extent: Extent) -> tuple[dict[str, int], int]:
    """Where each part begins, and the end of the last."""
    offsets, at = {}, 0
    is_large = extent.flows * HOT.itemsize >= LARGE_BYTES
    for name, dtype, shape in _shapes(extent):
        page = HUGE_BYTES if is_large and name in FROM_HUGE_PAGE else PAGE_BYTES
        at = -(-at // page) * page
        offsets[name] = at
        at += max(PAGE_BYTES, dtype.itemsize * int(np.prod(shape)))
    return offsets, at


def read_at_random(size_bytes: int, max_flows: int) -> tuple[int, int]:
    """Start and length of what each packet looks up, index and hot rows: huge pages are for them.

    The rest is read in turn, or seldom, and takes the memory it needs in small ones.
    """
    offsets, _ = _offsets(fit(size_bytes, max_flows))
    return offsets["index"], offsets["cold"] - offsets["index"]


def fit(size_bytes: int, max_flows: int) -> Extent:
    """What a table in a file of `size_bytes` holds. ValueError when it can hold no flows."""
    part = size_bytes // SHARE
    extent = Extent(
        max(max_flows, FLOWS_LEAST),
        min(OUTBOX_BYTES_MOST, size_bytes // 4) // ROW.itemsize,
        min(TEXTS_BYTES_MOST, _power_of_two(part)),
        min(ASKED_MOST, _power_of_two(part // ASKED.itemsize)),
        min(SLABS_MOST, max(part // SLAB_BYTES, 1)),
    )
    while extent.flows and _offsets(extent)[1] > size_bytes:
        extent = extent._replace(flows=extent.flows * 15 // 16)
    if extent.flows < FLOWS_LEAST:
        raise ValueError(f"a flow table of {size_bytes} bytes holds no flows")
    return extent


def _power_of_two(most: int) -> int:
    return 1 << max(most.bit_length() - 1, 2)


def open_table(
    file: Any, max_flows: int, rules: Rules, ports: Any = None, translate: Iterable[Sequence[int]] = ()
) -> Table:
    """Map a flow table's file (an mmap or a bytearray of its size) and view its parts.

    `ports` as in services.py, `translate` as in translate.py.
    """
    extent = fit(len(file), max_flows)
    offsets, _ = _offsets(extent)
    parts = {name: np.ndarray(shape, dtype, file, offsets[name]) for name, dtype, shape in _shapes(extent)}
    parts |= hot_parts(parts.pop("hot"))
    parts["slab_view"] = parts["slab_bytes"].view()
    parts["slab_view"].flags.writeable = False
    parts |= {"services": service_ports(), "ports": application_ports() if ports is None else ports}
    parts |= {"packets": np.zeros(PACKETS_AT_ONCE, PACKET), "letters": np.zeros(BLOCK_PACKETS, PACKET)}
    parts |= {"exchange": np.zeros(1, EXCHANGE), "out": np.zeros(OUT_BYTES, np.uint8)}
    parts["exchange"]["packed"] = rules.decode == PACKED_ANSWERS
    parts["translations"] = translations(translate)
    return Table(**{name: plain(part) for name, part in parts.items()}, **rules._asdict())


def plain(array: Any) -> Any:
    """The array as kernels take it: with attributes for fields when the JIT is off."""
    return array.view(np.recarray) if WITHOUT_JIT and array.dtype.names else array


def new_frames() -> Any:
    """Room for the frames of one block."""
    return plain(np.zeros(BLOCK_PACKETS, FRAME))


def _array(dtype: Any, dimensions: int = 1, *, readonly: bool = False) -> Any:
    return types.Array(numba.from_dtype(dtype), dimensions, "C", readonly=readonly)


U1, U4 = np.dtype("u1"), np.dtype("u4")
BUFFER_TYPE = _array(U1, readonly=True)
FRAMES_TYPE = _array(FRAME)
TABLE_TYPE = types.NamedTuple(
    [
        *(_array(np.dtype("i8")), _array(np.dtype("i8"))),
        *(_array(FLOW_OF_ROW), _array(SIDE), _array(TRACK), _array(LOSS)),
        *(_array(COLD), _array(U4), _array(U4), _array(FRAGMENT)),
        *(_array(ASKED), _array(SLAB), _array(U1), BUFFER_TYPE, _array(U1)),
        *(_array(ROW), _array(U1), _array(U1, 2)),
        *(_array(PACKET), _array(PACKET), _array(EXCHANGE), _array(U1)),
        _array(TRANSLATION),
        *[types.int64] * len(Rules._fields),
    ],
    Table,
)
jit_names.call(TABLE_TYPE, "Table")
