"""Big-endian and native loads from packet bytes; LLVM makes one load (and byte swap) of each."""

import sys
from typing import Any, TypeAlias

import numpy as np

from worker.jit import inlined

# What a kernel's arguments are once compiled; plain Python sees NumPy scalars and arrays.
Int: TypeAlias = Any
Octets: TypeAlias = Any
LITTLE = sys.byteorder == "little"


@inlined
def octet(buf: Octets, at: Int) -> Int:
    """One byte as int64."""
    return np.int64(buf[np.uint64(at)])


@inlined
def be16(buf: Octets, at: Int) -> Int:
    """Two bytes in network order as int64."""
    i = np.uint64(at)
    return np.int64((np.uint32(buf[i]) << np.uint32(8)) | np.uint32(buf[i + np.uint64(1)]))


@inlined
def be32(buf: Octets, at: Int) -> Int:
    """Four bytes in network order as int64, never negative."""
    i = np.uint64(at)
    high = (np.uint32(buf[i]) << np.uint32(24)) | (np.uint32(buf[i + np.uint64(1)]) << np.uint32(16))
    low = (np.uint32(buf[i + np.uint64(2)]) << np.uint32(8)) | np.uint32(buf[i + np.uint64(3)])
    return np.int64(high | low)


@inlined
def le32(buf: Octets, at: Int) -> Int:
    """Four bytes, least significant first, as int64, never negative."""
    i = np.uint64(at)
    low = (np.uint32(buf[i + np.uint64(1)]) << np.uint32(8)) | np.uint32(buf[i])
    high = (np.uint32(buf[i + np.uint64(3)]) << np.uint32(24)) | (
        np.uint32(buf[i + np.uint64(2)]) << np.uint32(16)
    )
    return np.int64(high | low)


@inlined
def either16(buf: Octets, at: Int, swapped: Int) -> Int:
    """Two bytes of a file header: network order when `swapped`, else least significant first."""
    if swapped:
        return be16(buf, at)
    return octet(buf, at) | octet(buf, at + 1) << 8


@inlined
def either32(buf: Octets, at: Int, swapped: Int) -> Int:
    """Four bytes of a file header: network order when `swapped`, else least significant first."""
    if swapped:
        return be32(buf, at)
    return le32(buf, at)


@inlined
def memory64(buf: Octets, at: Int) -> Int:
    """Eight bytes as uint64 in memory order: stored again, they are the same bytes."""
    first = (np.uint64(be32(buf, at)) << np.uint64(32)) | np.uint64(be32(buf, at + 4))
    return swap64(first) if LITTLE else first


@inlined
def swap64(word: Int) -> Int:
    """The eight bytes of a uint64 in reverse."""
    pairs = np.uint64(0x00FF00FF00FF00FF)
    quads = np.uint64(0x0000FFFF0000FFFF)
    word = ((word & pairs) << np.uint64(8)) | ((word >> np.uint64(8)) & pairs)
    word = ((word & quads) << np.uint64(16)) | ((word >> np.uint64(16)) & quads)
    return (word << np.uint64(32)) | (word >> np.uint64(32))


@inlined
def address4(buf: Octets, at: Int) -> Int:
    """An IPv4 address as the second memory-order word of a 16-octet address: four zero octets, then its own."""
    word = np.uint64(be32(buf, at))
    return swap64(word) if LITTLE else word
