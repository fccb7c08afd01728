"""What the cells of a row say in the records of each application protocol: texts, numbers, addresses (step 10)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from exporter.addresses import ipv4_texts
from exporter.ja4 import ja4_of
from shared.element import NO_U32, Element
from shared.elements import ELEMENTS
from shared.record import Batch, stretches, texts

Column = np.ndarray[Any, Any]

LARGEST = {"u8": 0xFF, "u16": 0xFFFF, "u32": NO_U32 - 1}
APPLICATION = tuple(element for element in ELEMENTS if element.scope == "application")
BY_PROTOCOL = {
    int(protocol): tuple(element for element in APPLICATION if protocol in element.protocols)
    for protocol in {protocol for element in APPLICATION for protocol in element.protocols}
}


def application_values(element: Element, batch: Batch, chosen: Column) -> Column:
    """The element in the chosen rows, all of one of its protocols.

    Texts are objects, None where absent; numbers NO_U32 where absent, or larger than the element's kind can be.
    """
    if element.kind in LARGEST:
        return application_numbers(element, batch, chosen)
    if element.kind == "ipv4":
        return ipv4_texts(application_numbers(element, batch, chosen))
    if element.kind == "text" and is_plain(batch.texts):
        return _cut(batch, element.cell, chosen)
    reading = fingerprint if element.kind == "ja4" else decoded
    return _read(texts(batch, element.cell, chosen), reading)


def application_numbers(element: Element, batch: Batch, chosen: Column) -> Column:
    """The element's numbers in the chosen rows; NO_U32 where larger than its kind can be."""
    numbers = batch.rows[element.cell][chosen]
    largest = LARGEST.get(element.kind, NO_U32)
    return np.where(numbers > largest, np.uint32(NO_U32), numbers)


def decoded(raw: bytes) -> str:
    r"""The octets as text: UTF-8, other octets as \xNN, and a zero octet too: many a reader ends there."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def fingerprint(raw: bytes) -> str:
    """JA4 of what the TLS decoder kept of a client's hello."""
    return ja4_of(decoded(raw))


def is_plain(octets: bytes) -> bool:
    """Whether `decoded` leaves each text in it as it is."""
    return octets.isascii() and b"\0" not in octets


def _cut(batch: Batch, cell: str, chosen: Column) -> Column:
    """All texts decoded at once, then cut."""
    whole = batch.texts.decode()
    present, begin, length = stretches(batch, cell, chosen)
    out = np.full(len(chosen), None, object)
    out[present] = list(map(whole.__getitem__, map(slice, begin.tolist(), (begin + length).tolist())))
    return out


def _read(raw: list[bytes | None], reading: Callable[[bytes], str]) -> Column:
    """Each distinct text is read once."""
    known = {one: reading(one) for one in set(raw) if one is not None}
    out = np.empty(len(raw), object)
    out[:] = [None if one is None else known[one] for one in raw]
    return out


def told_apart(raw: list[bytes]) -> tuple[list[bytes], Column]:
    """The distinct ones, and which of them each is."""
    places = {one: place for place, one in enumerate(dict.fromkeys(raw))}
    return list(places), np.fromiter(map(places.__getitem__, raw), np.int64, len(raw))
