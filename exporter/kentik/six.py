"""IPv6 addresses in a message: two Data of 16 octets for each record that has them (step 10)."""

from collections.abc import Sequence

import numpy as np

from exporter.kentik.layout import IPV6_DST, IPV6_SRC, Column, Words, record_places
from exporter.kentik.pointers import octets_pointer
from exporter.kentik.split import Part

OCTETS, WORDS = 16, 2
SIDES = ((IPV6_SRC, ("src_addr", "dst_addr")), (IPV6_DST, ("dst_addr", "src_addr")))


def six_words(six: Column) -> int:
    """Words that the addresses of the chosen records take."""
    return int(six.sum()) * len(SIDES) * WORDS


def write_six(words: Words, begin: int, parts: Sequence[Part], six: Column) -> None:
    """Both addresses of each record of `six`, from `begin` on, and the pointers to them."""
    (records,) = np.nonzero(six)
    if not len(records):
        return
    for side, (slot, names) in enumerate(SIDES):
        at = begin + WORDS * (len(SIDES) * np.arange(len(records)) + side)
        pointer = record_places(records) + slot
        words[pointer] = octets_pointer(at - pointer - 1, np.full(len(at), OCTETS)).astype(np.uint64)
        for word, half in enumerate(("head", "tail")):
            forward, reverse = (f"{name}_{half}" for name in names)
            words[at + word] = np.concatenate([part.sides.paired(forward, reverse) for part in parts])[six]
