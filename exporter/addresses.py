"""Addresses of a batch as text, all rows at once: cells of a sheet, or Python's texts."""

from collections.abc import Iterable
from functools import cache
from socket import AF_INET6, inet_ntop
from typing import Any

import numpy as np

from exporter.sheet import FOUR, Sheet, cells_of
from shared.record import Fields, octets

Column = np.ndarray[Any, Any]
Texts = np.ndarray[tuple[int], np.dtype[np.object_]]
MAC_OCTETS = 6
GROUPS = 8  # of an IPv6 address, each a separator and four digits
SLOT = 1 + FOUR.itemsize
SIX_OCTETS = SLOT * GROUPS + 2  # behind the last a separator of its own, and the end
MAPPED = 0xFFFF


def address_texts(rows: Fields, name: str) -> Texts:
    """The column `name` as text, RFC 5952 for IPv6."""
    return texts_of(address_cells(rows, name, b"\n"))


def ipv4_texts(numbers: Column) -> Texts:
    """IPv4 addresses kept as numbers, 0 as None."""
    texts = texts_of(ipv4_cells(numbers, b"\n"))
    texts[numbers == 0] = None
    return texts


def mac_texts(words: Column) -> Texts:
    """Link addresses as aa:bb:cc:dd:ee:ff, 0 as None. Few are distinct."""
    distinct, inverse = np.unique(words, return_inverse=True)
    texts = texts_of(mac_cells(distinct, b"\n"))
    texts[distinct == 0] = None
    spread: Texts = texts[inverse]
    return spread


def texts_of(cells: Column) -> Texts:
    """Cells that end in a newline each, as Python's texts."""
    sheet = Sheet(len(cells))
    sheet.put(cells)
    texts = np.empty(len(cells), object)
    texts[:] = str(sheet.octets(), "ascii").split("\n")[:-1]
    return texts


def address_cells(rows: Fields, name: str, end: bytes) -> Column:
    """The column `name` as cells, the octet `end` behind each address."""
    sixteen = octets(rows, name)
    is_four = rows["ip_version"] == 4
    if is_four.all():
        return _dotted(sixteen[:, 12:], end)
    (six,) = np.nonzero(~is_four)
    cells = np.zeros((len(sixteen), SIX_OCTETS), np.uint8)
    cells[:, : 4 * FOUR.itemsize] = _octets_in(_dotted(sixteen[:, 12:], end))
    cells[six] = _colons(sixteen[six], end)
    return cells.view(f"V{SIX_OCTETS}").reshape(-1)


def ipv4_cells(numbers: Column, end: bytes) -> Column:
    """IPv4 addresses kept as numbers, `end` behind each."""
    return _dotted(numbers.astype(">u4").view(np.uint8).reshape(-1, 4), end)


def mac_cells(words: Column, end: bytes) -> Column:
    """Link addresses as cells, `end` behind each."""
    octets = words.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    pairs = _table("%02x", b":", end).take(octets + _only_last(MAC_OCTETS))
    return pairs.view(f"V{MAC_OCTETS * pairs.dtype.itemsize}").reshape(-1)


def _dotted(octets: Column, end: bytes) -> Column:
    """IPv4 addresses, four octets each."""
    numerals = _table("%d", b".", end).take(octets + _only_last(4))
    return numerals.view(f"V{4 * FOUR.itemsize}").reshape(-1)


@cache
def _table(form: str, between: bytes, end: bytes) -> Column:
    """Each octet with what stands between two of them, then each with what ends the last."""
    numbers = [(form % octet).encode() for octet in range(256)]
    return cells_of([number + behind for behind in (between, end) for number in numbers])


def _only_last(count: int) -> Column:
    """What leads to the second half of such a table, where the last octet stands."""
    return np.array([0] * (count - 1) + [256], np.int64)


# -- IPv6 ----------------------------------------------------------------------------------------------------


def _colons(octets: Column, end: bytes) -> Column:
    """IPv6 addresses: which groups are 0 decides where two colons stand for them."""
    groups = octets.view(">u2").astype(np.int64)
    shape = np.packbits(groups == 0, axis=1).reshape(-1)
    colons, shown = _shapes()
    cells = np.zeros((len(groups), SIX_OCTETS), np.uint8)
    cells[:, : SIX_OCTETS - 1 : SLOT] = colons[shape]
    digits = np.ndarray(groups.shape, FOUR, cells.data, 1, (SIX_OCTETS, SLOT))
    digits[:] = _hexadecimal().take(groups) * shown[shape]
    cells[:, -1] = ord(end)
    _write_dotted_tails(cells, groups, octets, end)
    return cells


def _write_dotted_tails(cells: Column, groups: Column, octets: Column, end: bytes) -> None:
    """Addresses that hold an IPv4 address are written with dots, as the C library does."""
    mapped = (groups[:, 5] == MAPPED) | ((groups[:, 5] == 0) & (groups[:, 6] != 0))
    (chosen,) = np.nonzero(mapped & ~groups[:, :5].any(axis=1))
    if len(chosen):
        distinct, inverse = np.unique(octets[chosen], axis=0, return_inverse=True)
        texts = [inet_ntop(AF_INET6, one).encode() + end for one in distinct]
        told = cells_of([text.ljust(SIX_OCTETS, b"\0") for text in texts])
        cells[chosen] = _octets_in(told[inverse.reshape(-1)])


@cache
def _shapes() -> tuple[Column, Column]:
    """For each set of groups that are 0, first group highest: the colons before and behind, the groups shown."""
    colons, shown = np.zeros((256, GROUPS + 1), np.uint8), np.ones((256, GROUPS), np.uint32)
    for shape in range(256):
        first, last = _longest([group for group in range(GROUPS) if shape << group & 0x80])
        shown[shape, first:last] = 0
        before = {group for group in range(1, GROUPS) if not first < group < last}
        before |= {first, last} if last > first else set()
        colons[shape, sorted(before)] = ord(":")
    return colons, shown


def _longest(zeros: Iterable[int]) -> tuple[int, int]:
    """The first of the longest runs of two and more, and where it ends."""
    best, run = (0, 0), (0, 0)
    for group in zeros:
        run = (run[0], group + 1) if run[1] == group and run[1] > run[0] else (group, group + 1)
        if run[1] - run[0] > max(best[1] - best[0], 1):
            best = run
    return best


@cache
def _hexadecimal() -> Column:
    """Each group of 16 bits as up to four digits."""
    return np.array([b"%x" % number for number in range(1 << 16)], "S4").view(FOUR)


def _octets_in(cells: Column) -> Column:
    """The octets of contiguous cells, a row each."""
    return cells.view(np.uint8).reshape(len(cells), -1)
