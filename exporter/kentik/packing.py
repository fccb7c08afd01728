"""Cap'n Proto's packed form of finished words, by pycapnp (step 10).

Packing goes word by word and knows nothing of structures. So words are given to pycapnp as the octets of a Data in a
message of ours, packed with it, and what stands before them is cut off: a tenth of the time of copying the records
into a builder. Blocks that fit the processor's cache are packed alone; packed blocks one behind the other are packed.
"""

from pathlib import Path
from typing import Any

import capnp
import numpy as np

from exporter.kentik.layout import Words

BLOCK_WORDS = 1 << 14
# The frame, the root, and the pointer to the octets. That last word is neither all zero nor without a zero octet, so
# no run of the packed form reaches over its end.
BEFORE_WORDS = 3
ROOM_WORDS = 8
_SCHEMA: Any = capnp.load(str(Path(__file__).with_name("words.capnp")))


def packed(words: Words) -> bytes:
    """The words, packed."""
    octets = words.view(np.uint8).data
    size = BLOCK_WORDS * 8
    return b"".join([_packed_block(octets[first : first + size]) for first in range(0, len(octets), size)])


def _packed_block(octets: memoryview) -> bytes:
    blob = _SCHEMA.Blob.new_message(len(octets) // 8 + ROOM_WORDS)
    blob.words = bytes(octets)
    whole: bytes = blob.to_bytes_packed()
    return whole[_end_of(whole, BEFORE_WORDS) :]


def _end_of(packed: bytes, words: int) -> int:
    """How many octets the first words take: none of these is all zero, or has no zero octet."""
    at = 0
    for _ in range(words):
        at += 1 + packed[at].bit_count()
    return at
