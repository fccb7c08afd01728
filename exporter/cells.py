"""What the cells of a row say in the records of each application protocol: texts, numbers, addresses (step 10)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from exporter.addresses import ipv4_texts
from exporter.ja4 import ja4_of
from shared.element import NO_U32, Element
from shared.elements import ELEMENTS
from shared.record import Batch, texts

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
        numbers = batch.rows[element.cell][chosen]
        return np.where(numbers > LARGEST[element.kind], np.uint32(NO_U32), numbers)
    if element.kind == "ipv4":
        return ipv4_texts(batch.rows[element.cell][chosen])
    reading = fingerprint if element.kind == "ja4" else decoded
    return _read(texts(batch, element.cell, chosen), reading)


def decoded(raw: bytes) -> str:
    r"""The octets as text: UTF-8, other octets as \xNN, and a zero octet too: many a reader ends there."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def fingerprint(raw: bytes) -> str:
    """JA4 of what the TLS decoder kept of a client's hello."""
    return ja4_of(decoded(raw))


def _read(raw: list[bytes | None], reading: Callable[[bytes], str]) -> Column:
    """Each distinct text is read once."""
    known = {one: reading(one) for one in set(raw) if one is not None}
    out = np.empty(len(raw), object)
    out[:] = [None if one is None else known[one] for one in raw]
    return out
