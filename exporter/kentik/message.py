"""The words of a Cap'n Proto message of Kentik's records: one segment behind its frame (step 10).

    frame | root | list | tag | records … | customs of each record … | IPv6 … | IPv4 and texts, column by column …

All sizes are known before the first word is written, so every pointer is written with what it leads to.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exporter.kentik.custom_lists import Lists, Placed, placed, write_lists
from exporter.kentik.customs import customs
from exporter.kentik.device import Device
from exporter.kentik.layout import CHF, DATA_WORDS, FIRST_RECORD, POINTERS, RECORD_WORDS, Column, Words
from exporter.kentik.pointers import composite_pointer, struct_pointer
from exporter.kentik.six import six_words, write_six
from exporter.kentik.split import Part, applications, fill

FRAME, ROOT, LIST, TAG = range(FIRST_RECORD)


@dataclass(frozen=True, slots=True)
class Message:
    """Words of a framed message; `missing`: columns its records would have filled, and the device does not have."""

    words: Words
    records: int
    missing: frozenset[str]


def message(parts: Sequence[Part], device: Device) -> Message:
    """One message of all parts' records, in their order."""
    spoken = [applications(part.sides, device.services) for part in parts]
    told = [customs(part.sides, of, device) for part, of in zip(parts, spoken, strict=True)]
    sizes = [len(part.sides) for part in parts]
    columns = placed(told, sizes)
    words = _written(parts, device, spoken, columns)
    missing = frozenset[str]().union(*(one.missing for one in told))
    return Message(words, sum(sizes), missing)


def _written(parts: Sequence[Part], device: Device, spoken: list[Column], columns: list[Placed]) -> Words:
    total = sum(len(part.sides) for part in parts)
    six = np.concatenate([np.zeros(0, bool), *(part.sides.of_row("ip_version") == 6 for part in parts)])
    lists = Lists(FIRST_RECORD + RECORD_WORDS * total, total, columns)
    texts_at = lists.end + six_words(six)
    words = np.zeros(texts_at + sum(column.words for column in columns), np.uint64)
    _begin(words, total)
    _fill(words, parts, device, spoken)
    write_six(words, lists.end, parts, six)
    write_lists(words, lists, columns, texts_at)
    return words


def _begin(words: Words, total: int) -> None:
    """One segment of so many words; its root; the list of records and its tag."""
    words[FRAME] = len(words) - 1 << 32
    words[ROOT] = struct_pointer(0, 0, 1)
    words[LIST] = composite_pointer(0, RECORD_WORDS * total)
    words[TAG] = struct_pointer(total, DATA_WORDS, POINTERS)


def _fill(words: Words, parts: Sequence[Part], device: Device, spoken: list[Column]) -> None:
    """The records' own fields, part by part."""
    total = sum(len(part.sides) for part in parts)
    records = words[FIRST_RECORD : FIRST_RECORD + RECORD_WORDS * total].view(CHF)
    first = 0
    for part, of in zip(parts, spoken, strict=True):
        fill(records[first : first + len(part.sides)], part, device.id, of)
        first += len(part.sides)
