"""Rows that are alike in some columns: the first of each kind, and for every row which kind it is."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from exporter.sheet import Column
from shared.record import ROW, Rows

WORD = np.dtype(np.uint64)
SEED = 0x9E3779B97F4A7C15


def alike(rows: Rows, names: Sequence[str]) -> tuple[Column, Column]:
    """By a hash; should two kinds have the same, every row is a kind of its own."""
    layout = _layout(tuple(names))
    packed = np.zeros(len(rows), layout)
    for name in names:
        packed[name] = rows[name]
    words = packed.view(WORD).reshape(len(rows), -1)
    mixed = words @ _factors(words.shape[1])
    mixed ^= mixed >> WORD.type(32)
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    if np.array_equal(words[first[which]], words):
        return first, which
    every = np.arange(len(rows))
    return every, every


@cache
def _layout(names: tuple[str, ...]) -> np.dtype[np.void]:
    """The columns beside each other, filled up to whole words."""
    kinds = [(name, ROW[name]) for name in names]
    missing = -np.dtype(kinds).itemsize % WORD.itemsize
    return np.dtype([*kinds, ("", f"V{missing}")] if missing else kinds)


@cache
def _factors(count: int) -> Column:
    """Odd numbers."""
    return np.array([pow(SEED, power, 1 << 64) for power in range(1, count + 1)], np.uint64)
