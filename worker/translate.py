"""Kernel: ends that stand for others, as --translate has it: after sampling, before the flow key (step 4).

A sorted array, searched by halves: each end's exact address and port to another address and port.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from worker.decode_transport import DCCP, SCTP, TCP, UDP, UDP_LITE
from worker.jit import inlined
from worker.octets import Int

# Addresses as packets have them: two words in memory order, an IPv4 address in the last four octets.
TRANSLATION = np.dtype(
    [
        *((name, "u8") for name in ("head", "tail", "to_head", "to_tail")),
        *((name, "i4") for name in ("version", "port", "to_port", "spare")),
    ]
)
NONE = -1


def translations(given: Iterable[Sequence[int]]) -> Any:
    """The array of (version, high, low, port, to high, to low, to port), addresses as numbers; the last wins."""
    latest = {tuple(numbers[:4]): tuple(numbers[4:]) for numbers in given}
    rows = np.zeros(len(latest), TRANSLATION)
    for row, ((version, high, low, port), (to_high, to_low, to_port)) in zip(
        rows, latest.items(), strict=True
    ):
        words = np.array([high, low, to_high, to_low], ">u8").view(np.uint64)
        row["head"], row["tail"], row["to_head"], row["to_tail"] = words
        row["version"], row["port"], row["to_port"] = version, port, to_port
    return rows[np.lexsort((rows["port"], rows["tail"], rows["head"], rows["version"]))]


@inlined
def translate(t: Int, p: Int) -> None:
    """Both ends, each by itself; a packet without ports has port 0, and none is given to it."""
    ported = p.proto in (TCP, UDP, SCTP, DCCP, UDP_LITE)
    src = translation_of(t.translations, p.ip_version, p.src_head, p.src_tail, p.src_port)
    dst = translation_of(t.translations, p.ip_version, p.dst_head, p.dst_tail, p.dst_port)
    if src != NONE:
        found = t.translations[src]
        p.src_head = found.to_head
        p.src_tail = found.to_tail
        p.src_port = found.to_port if ported else 0
    if dst != NONE:
        found = t.translations[dst]
        p.dst_head = found.to_head
        p.dst_tail = found.to_tail
        p.dst_port = found.to_port if ported else 0


@inlined
def translation_of(rows: Int, version: Int, head: Int, tail: Int, port: Int) -> Int:
    """Place of an end's translation, or NONE."""
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) >> 1
        if is_below(rows[middle], version, head, tail, port):
            low = middle + 1
        else:
            high = middle
    if low < len(rows) and not is_another(rows[low], version, head, tail, port):
        return low
    return NONE


@inlined
def is_below(row: Int, version: Int, head: Int, tail: Int, port: Int) -> bool:
    """Whether the row stands before the place of this end."""
    if row.version != version:
        return row.version < version  # type: ignore[no-any-return]
    if row.head != head:
        return row.head < head  # type: ignore[no-any-return]
    if row.tail != tail:
        return row.tail < tail  # type: ignore[no-any-return]
    return row.port < port  # type: ignore[no-any-return]


@inlined
def is_another(row: Int, version: Int, head: Int, tail: Int, port: Int) -> bool:
    """Whether the row is not this end's."""
    return row.port != port or row.tail != tail or row.head != head or row.version != version  # type: ignore[no-any-return]
