"""Addresses of a batch as text: each distinct one is written once, however many rows carry it."""

from socket import AF_INET6, inet_ntop
from typing import Any, Protocol

import numpy as np

Texts = np.ndarray[tuple[int], np.dtype[np.object_]]
Words = np.ndarray[tuple[int], np.dtype[np.uint64]]
MIX = np.uint64(0x9E3779B97F4A7C15)
DECIMAL = np.array([str(octet) for octet in range(256)], object)
Column = np.ndarray[Any, Any]


class Fields(Protocol):
    """Rows, or whatever else gives a column by its name."""

    def __getitem__(self, name: str, /) -> Any:  # noqa: ANN401 - NumPy's arrays are typed so
        """One column."""


def address_texts(rows: Fields, name: str) -> Texts:
    """The column `name` as text, RFC 5952 for IPv6."""
    head, tail = rows[f"{name}_head"].astype(np.uint64), rows[f"{name}_tail"].astype(np.uint64)
    is_four = rows["ip_version"] == 4
    first, inverse = _distinct(head, tail, is_four)
    octets = np.stack([head[first], tail[first]], axis=1).view(np.uint8)
    texts = np.empty(len(first), object)
    four = is_four[first]
    texts[four] = _dotted(octets[four, 12:])
    texts[~four] = [inet_ntop(AF_INET6, one) for one in octets[~four]]
    distinct: Texts = texts[inverse]
    return distinct


def _dotted(octets: Column) -> list[str]:
    """IPv4 addresses: a third faster than inet_ntop."""
    return list(map(".".join, zip(*(DECIMAL[octets[:, place]].tolist() for place in range(4)), strict=True)))


def ipv4_texts(numbers: Column) -> Texts:
    """IPv4 addresses kept as numbers, 0 as None."""
    distinct, inverse = np.unique(numbers, return_inverse=True)
    texts: list[str | None] = list(_dotted(distinct.astype(">u4").view(np.uint8).reshape(-1, 4)))
    if len(distinct) and distinct[0] == 0:
        texts[0] = None
    return spread(texts, inverse)


def mac_texts(words: Words) -> Texts:
    """Link addresses as aa:bb:cc:dd:ee:ff, 0 as None."""
    distinct, inverse = np.unique(words, return_inverse=True)
    texts = [word.to_bytes(8, "big")[2:].hex(":") if word else None for word in distinct.tolist()]
    return spread(texts, inverse)


def spread(texts: list[Any], inverse: Column) -> Texts:
    """Each distinct text in all the rows that carry it."""
    distinct = np.empty(len(texts), object)
    distinct[:] = texts
    spread: Texts = distinct[inverse]
    return spread


def _distinct(head: Words, tail: Words, is_four: Column) -> tuple[Any, Any]:
    """First row of each distinct address, and for each row which. Sorted by hash, exact by comparison."""
    mixed = (head * MIX) ^ (head >> np.uint64(29)) ^ (tail * MIX) ^ (tail >> np.uint64(31)) ^ is_four
    _, first, inverse = np.unique(mixed, return_index=True, return_inverse=True)
    named = first[inverse]
    if (
        np.array_equal(head[named], head)
        and np.array_equal(tail[named], tail)
        and np.array_equal(is_four[named], is_four)
    ):
        return first, inverse
    keys = np.stack([head, tail, is_four.astype(np.uint64)], axis=1)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)
