"""What is posted to Kentik: the octets of a message, its records, the columns it could not fill (step 10).

Batch, sides (a record each), part (rate, interface), message (words), packed, 80 zero octets before it, gzip.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.kentik.device import Device
from exporter.kentik.message import message
from exporter.kentik.packing import packed
from exporter.kentik.split import Part

PREFIX = bytes(80)
# Levels 2 to 6 take up to four times as long for octets that are 3 to 14 % fewer (bench/kentik.py).
GZIP_LEVEL = 1
GZIP_FORMAT = 31


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body. `missing`: columns that its records would have filled, and the device does not have."""

    octets: bytes
    records: int
    missing: frozenset[str]


def body(parts: Sequence[Part], device: Device) -> Body:
    """All records of the parts in one message, ready to be sent with `Content-Encoding: gzip`."""
    told = message(parts, device)
    return Body(compressed(packed(told.words)), told.records, told.missing)


def compressed(message: bytes) -> bytes:
    """A packed message behind its prefix, as gzip."""
    return zlib.compress(PREFIX + message, GZIP_LEVEL, GZIP_FORMAT)
