"""The heaviest conversations of the last half minute: bytes by addresses, protocol and service port."""

import socket
import time
from collections import deque
from functools import lru_cache
from typing import Any

import numpy as np

from exporter.addresses import address_texts
from shared.record import Rows

WINDOW_S = 30.0  # a long flow is heard of once in an active timeout, 15 s
KEPT_PER_BATCH = 1000
SHOWN = 10
KEY = ("src_addr_head", "src_addr_tail", "dst_addr_head", "dst_addr_tail", "proto", "dst_port")
PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp"}
MIX = np.uint64(0x9E3779B97F4A7C15)

Column = np.ndarray[Any, Any]
Heap = tuple[float, Column, Rows, Column, Column]


class Conversations:
    """Each batch leaves its heaviest conversations here; those of half a minute are added up when asked."""

    def __init__(self) -> None:
        self._heaps: deque[Heap] = deque()

    def add(self, rows: Rows) -> None:
        """Take the rows of one batch."""
        if not len(rows):
            return
        weight = (rows["bytes"] + rows["rev_bytes"]).astype(np.float64)
        packets = (rows["packets"] + rows["rev_packets"]).astype(np.float64)
        summed = _summed(_keys(rows), weight, packets)
        first, heavy = summed[1], _heaviest(summed[2], KEPT_PER_BATCH)
        kept = rows[first[heavy]].copy()
        self._heaps.append((time.monotonic(), summed[0][heavy], kept, summed[2][heavy], summed[3][heavy]))

    def heaviest(self) -> list[dict[str, Any]]:
        """The top ones now, heaviest first."""
        self._forget()
        if not self._heaps:
            return []
        keys, rows, weight, packets = (
            np.concatenate(part) for part in list(zip(*self._heaps, strict=True))[1:]
        )
        _, first, weight, packets = _summed(keys, weight, packets)
        heavy = _heaviest(weight, SHOWN)
        return _shown(rows[first[heavy]], weight[heavy], packets[heavy])

    def _forget(self) -> None:
        oldest_s = time.monotonic() - WINDOW_S
        while self._heaps and self._heaps[0][0] < oldest_s:
            self._heaps.popleft()


def _keys(rows: Rows) -> Column:
    """A 64-bit hash of the conversation: for a live table a collision in 2**64 will do."""
    key = np.zeros(len(rows), np.uint64)
    for name in KEY:
        key = (key ^ rows[name].astype(np.uint64)) * MIX
        key ^= key >> np.uint64(29)
    return key


def _summed(keys: Column, weight: Column, packets: Column) -> tuple[Column, Column, Column, Column]:
    distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    size = len(distinct)
    return distinct, first, np.bincount(inverse, weight, size), np.bincount(inverse, packets, size)


def _heaviest(weight: Column, count: int) -> Column:
    if len(weight) > count:
        candidates = np.argpartition(weight, -count)[-count:]
        return candidates[np.argsort(-weight[candidates], kind="stable")]
    return np.argsort(-weight, kind="stable")


def _shown(rows: Rows, weight: Column, packets: Column) -> list[dict[str, Any]]:
    columns = (
        address_texts(rows, "src_addr").tolist(),
        address_texts(rows, "dst_addr").tolist(),
        rows["proto"].tolist(),
        rows["dst_port"].tolist(),
        weight.tolist(),
        packets.tolist(),
    )
    return [
        {
            "src": src,
            "dst": dst,
            "proto": proto,
            "port": port,
            "app": _service(port, proto),
            "bytes": int(octets),
            "packets": int(count),
        }
        for src, dst, proto, port, octets, count in zip(*columns, strict=True)
    ]


@lru_cache(4096)
def _service(port: int, proto: int) -> str:
    try:
        return socket.getservbyport(port, PROTOCOLS[proto])
    except (OSError, KeyError):
        return ""
