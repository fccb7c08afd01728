"""Captures of frames of one size, made by NumPy: a flood, a scan, IPv6, and flows chosen evenly."""

import struct

import numpy as np

from bench.traffic import START_S, header

CHUNK = 1 << 18
SYN, ACK, RST = 0x02, 0x10, 0x04
TURNS = 2  # of each flow before any may come
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
    """Connections in order: each has a segment from one end, then from the other; then any end of any of them.

    None is likelier than another. The number of packets before that.
    """
    chance, known = np.random.default_rng(1), TURNS * flows
    sent = np.zeros((2, flows), np.int64)
    at, width = ((34, 54), 16) if six else ((26, 34), 4)
    payload = size - at[1] - 20

    def made(first, count):
        place, rows = np.arange(first, first + count), np.tile(tcp(ACK, six, size), (count, 1))
        number = np.where(place < known, place % flows, chance.integers(0, flows, count))
        end = np.where(place < known, place // flows % 2, chance.integers(0, 2, count))
        own, other = earlier(sent, number, end)
        put(rows, at[0], 0x0A000000 + number // 1000, ">u4")
        put(rows, at[1], 1024 + number % 1000, ">u2")
        put(rows, at[1] + 4, 1 + own * payload, ">u4")
        put(rows, at[1] + 8, 1 + other * payload, ">u4")
        turn(rows, end == 1, at[1] - 2 * width, width)
        turn(rows, end == 1, at[1], 2)
        return rows

    write(path, packets, seconds, made)
    return known


def earlier(sent, number, end):
    """How many segments each one's own end and the other sent before it; `sent` counts on."""
    order = np.argsort(number, kind="stable")
    flow, back = number[order], end[order] == 1
    first = np.searchsorted(flow, flow)
    before = np.cumsum(back) - back
    before = np.stack([np.arange(len(order)) - before, before])
    found = np.empty_like(before)
    found[:, order] = before - before[:, first]
    found += sent[:, number]
    np.add.at(sent, (end, number), 1)
    each = np.arange(len(order))
    return found[end, each], found[1 - end, each]


def turn(rows, which, at, width):
    """Exchange source and destination of some rows, two fields of this width from `at` on."""
    rows[which, at : at + 2 * width] = np.roll(rows[which, at : at + 2 * width], width, axis=1)
