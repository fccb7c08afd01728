"""Cap'n Proto's pointers as words; `ahead` counts words from behind the pointer to what it leads to (step 10)."""

from typing import TypeVar

import numpy as np

from exporter.kentik.layout import Column

STRUCT, LIST = 0, 1
OCTETS, COMPOSITE = 2, 7
Whole = TypeVar("Whole", int, Column)


def struct_pointer(ahead: Whole, data_words: int, pointers: int) -> Whole:
    """To a struct; as the first word of a composite list, with `ahead` its length, the list's tag."""
    return ahead << 2 | STRUCT | data_words << 32 | pointers << 48


def composite_pointer(ahead: Whole, words: Whole) -> Whole:
    """To a list of structs that takes `words` behind its tag."""
    return ahead << 2 | LIST | COMPOSITE << 32 | words << 35


def octets_pointer(ahead: Whole, length: Whole) -> Whole:
    """To a Text (its zero octet counted) or Data."""
    return ahead << 2 | LIST | OCTETS << 32 | length << 35


def begins(first: int, sizes: Column) -> Column:
    """Where each of several things begins that stand one behind the other from `first` on."""
    ends: Column = np.cumsum(sizes)
    return first + ends - sizes
