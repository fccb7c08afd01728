"""First page of a flow table's file: what supervisor and successor read when the worker is dead.

4096 bytes of native unsigned 64-bit words; the names below are their order. The supervisor creates the file,
writes MAGIC, `version` and `epoch`, and later only reads; the worker writes the rest. Append only.
"""

import struct
from collections.abc import Mapping

from shared.counters import WORKER

MAGIC = 0x666C6F7768657264
VERSION = 1
PAGE_BYTES = 4096

STATE_WORDS = (
    "magic",
    "version",
    "epoch",
    "pid",
    "heartbeat_ns",
    "capturing_since_ns",
    "layout",
    "seed",
    "now_ns",
    "base_ns",
    "swept_tick",
    "hand",
    "high_water",
    "free_rows",
    "report_pending",
    "eviction_hand",
    "cursor_block",
    "cursor_offset",
    "cursor_sequence",
    "in_hand",
    "head",
    "acknowledged",
    "tail",
    "index_mask",
    "texts_head",
    "texts_tail",
    "slab_hand",
    "shedding",
    "letters",
    "handle_passed",
    "handle_due",
    "ring",
)
WORDS = STATE_WORDS + tuple(counter.name for counter in WORKER)
INDEX: Mapping[str, int] = {name: index for index, name in enumerate(WORDS)}


def initial_page(epoch: int) -> bytes:
    """The page of a new flow table: `epoch` tells its records apart from those of every other table."""
    return struct.pack("=QQQ", MAGIC, VERSION, epoch).ljust(PAGE_BYTES, b"\0")


def read_page(page: bytes | memoryview) -> dict[str, int]:
    """All words by name, from at least the first PAGE_BYTES of the file."""
    return dict(zip(WORDS, struct.unpack_from(f"={len(WORDS)}Q", page), strict=True))
