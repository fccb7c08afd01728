"""Captures of frames of one size, made by NumPy: a flood, a scan, IPv6, and flows chosen evenly."""

import struct

import numpy as np

from bench.traffic import START_S, header

CHUNK = 1 << 18
SYN, ACK, RST = 0x02, 0x10, 0x04
ETHERNET = bytes.fromhex("020000000002020000000001")


def tcp(flags, six=False, size=60):
    """A segment; addresses and ports are set later."""
    segment = struct.pack(">HHIIBBHHH", 0, 443, 1, 1, 0x50, flags, 0xFFFF, 0, 0)
    if six:
        ends = bytes.fromhex("200100020000" + "0" * 20) + bytes.fromhex("200100020000" + "0" * 18 + "01")
        packet = b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, size - 54, 6, 64) + ends + segment
    else:
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, size - 14, 0, 0x4000, 64, 6, 0, 0xC6120001, 0xC6130001)
        packet = b"\x08\x00" + ip + segment
    return np.frombuffer((ETHERNET + packet).ljust(size, b"\0"), np.uint8)


def write(path, count, seconds, frames):
    """A capture of `count` packets evenly over the time; `frames(first, n)` makes n of them as an array of rows."""
    with path.open("wb") as file:
        file.write(header())
        for first in range(0, count, CHUNK):
            made = frames(first, min(CHUNK, count - first))
            rows, size = made.shape
            micros = (np.arange(first, first + rows) * (seconds * 1e6 / count)).astype(np.int64)
            heads = np.empty((rows, 4), "<u4")
            heads[:, 0], heads[:, 1] = START_S + micros // 10**6, micros % 10**6
            heads[:, 2:] = size
            file.write(np.hstack([heads.view(np.uint8), made]).tobytes())
    return path


def put(rows, at, values, kind):
    """A field of every row, in network order."""
    octets = np.ascontiguousarray(values.astype(kind)).view(np.uint8).reshape(len(rows), -1)
    rows[:, at : at + octets.shape[1]] = octets


def flood(path, packets, seconds=60.0, seed=1):
    """SYNs of the least size to one port from any address and port."""
    chance = np.random.default_rng(seed)

    def made(_first, count):
        rows = np.tile(tcp(SYN), (count, 1))
        put(rows, 26, chance.integers(1 << 24, 224 << 24, count), ">u4")
        put(rows, 34, chance.integers(1024, 65536, count), ">u2")
        put(rows, 38, chance.integers(0, 1 << 32, count), ">u4")
        return rows

    return write(path, packets, seconds, made)


def scan(path, targets, seconds=60.0, seed=1):
    """One host asks each of so many addresses and ports once; every tenth refuses, at once. The number of packets."""
    chance = np.random.default_rng(seed)
    answers = np.sort(chance.choice(targets, targets // 10, replace=False))
    order = np.sort(np.concatenate([np.arange(targets) * 2, answers * 2 + 1]))

    def made(first, count):
        asked, back = order[first : first + count] >> 1, (order[first : first + count] & 1).astype(bool)
        rows = np.where(back[:, None], tcp(RST | ACK), tcp(SYN))
        scanner, target = np.full(count, 0xC6120001), 0xC6130000 + asked // 16
        ports = 40_000 + asked % 20_000, 20 + asked % 16 * 61
        put(rows, 26, np.where(back, target, scanner), ">u4")
        put(rows, 30, np.where(back, scanner, target), ">u4")
        put(rows, 34, np.where(back, *ports[::-1]), ">u2")
        put(rows, 36, np.where(back, *ports), ">u2")
        return rows

    write(path, len(order), seconds, made)
    return len(order)


def even(path, packets, flows, six=False, size=200, seconds=60.0):
    """Every flow once, then any of them, none likelier than another."""
    chance = np.random.default_rng(1)
    at = (34, 54) if six else (26, 34)

    def made(first, count):
        rows = np.tile(tcp(ACK, six, size), (count, 1))
        number = chance.integers(0, flows, count)
        begun = np.arange(first, first + count)
        number = np.where(begun < flows, begun, number)
        put(rows, at[0], 0x0A000000 + number // 1000, ">u4")
        put(rows, at[1], 1024 + number % 1000, ">u2")
        return rows

    return write(path, packets, seconds, made)
