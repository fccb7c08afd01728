"""Rows for Kentik's encoding: every application, both IP versions, texts of every length, anything absent."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from shared.application_elements import NUMBERS, TEXTS
from shared.elements import ELEMENTS, NO_U16, NO_U32
from shared.record import ROW, Batch
from tests.exporter.rig import put_texts

Text = bytes | None
ODD_TEXTS: list[Text] = [
    *(
        None,
        b"",
        b"a",
        b"1234567",
        b"12345678",
        b"x" * 383,
        b"x" * 384,
        b"x" * 385,
        b"a\0b",
        b"\xff\xc3",
        b"x" * 700,
    ),
    *(b"x" * size + "€€€".encode() for size in range(380, 386)),
    *("é".encode() * 400, "😀".encode() * 97, b"\xed\xa0\x80", b"host.example.net"),
]
PORTS = [53, 67, 68, 80, 443, 1812, 1813, 8080, 0, 40000, 65535]
ONE_OF: dict[str, list[int]] = {
    "ip_version": [4, 4, 6],
    "proto": [1, 6, 6, 6, 17, 17, 17, 58, 47],
    "direction": [0, 1, 2],
    "first_speaker": [0, 1, 2],
    "app_protocol": [0, 0, 1, 2, 3, 4, 5, 6, 9],
    "src_port": PORTS,
    "dst_port": PORTS,
    "icmp_type": [0, 3, 8, 11, 13, NO_U16],
    "icmp_code": [0, 1, NO_U16],
    "packets": [0, 0, 1, 5, 1 << 40],
    "rev_packets": [0, 0, 1, 5, (1 << 64) - 1],
    "src_mac": [0, 0x02_00_00_00_AB_CD, (1 << 48) - 1],
    "dst_mac": [0, 0x02_00_00_00_12_34, 1],
    **{key: [0, 1, 4095] for key in ("vlan", "inner_vlan")},
    **{key: [0, 0, 3, NO_U32] for key in ("fragments", "rev_fragments")},
    **{
        key: [0, 1, 2, 4, 5, 11, 12, 255, 256, 65535, 65536, NO_U32 - 1, NO_U32, NO_U32, 167772161]
        for key in NUMBERS
    },
    **{
        f"{name}_latency_us": [0, 1, 999, 1000, 1999, 20_000_000, 20_001_000, NO_U32 - 1, NO_U32]
        for name in ("client", "server", "fpex", "app")
    },
}
ABSENT = {one.name: one.absent for one in ELEMENTS if one.absent is not None and one.scope == "row"}
PLAIN = [name for name in ROW.names or () if name not in TEXTS and name != "text_at"]


def made_rows(seed: int, count: int) -> np.ndarray:
    """Rows of any values; a fifth of what may be absent is."""
    chance = np.random.default_rng(seed)
    rows = np.zeros(count, ROW)
    for name in PLAIN:
        if name in ONE_OF:
            rows[name] = chance.choice(np.array(ONE_OF[name], np.uint64), count)
        else:
            rows[name] = chance.integers(0, 1 << 8 * ROW[name].itemsize, count, dtype=np.uint64)
            rows[name][chance.random(count) < 0.2] = 0
        if name in ABSENT:
            rows[name][chance.random(count) < 0.2] = ABSENT[name]
    return rows


def made(seed: int, count: int, odd: list[Text]) -> tuple[Batch, list[dict[str, Text]]]:
    """A batch, and each row's texts by their cell, each one of `odd`."""
    chance = np.random.default_rng(seed)
    rows = made_rows(seed, count)
    listed = [tuple(odd[place] for place in chance.integers(0, len(odd), len(TEXTS))) for _ in range(count)]
    octets = put_texts(rows, listed, int(chance.integers(0, 1 << 40)))
    batch = Batch("eth0", 2, int(chance.choice([1, 4, 1000])), rows, {}, octets)
    return batch, [dict(zip(TEXTS, texts, strict=True)) for texts in listed]


@st.composite
def batches(draw: Any) -> tuple[Batch, list[dict[str, Text]]]:
    """Such a batch of a few rows with texts of any octets."""
    texts = st.lists(st.one_of(st.binary(max_size=30), st.text(max_size=400).map(str.encode)), max_size=4)
    return made(draw(st.integers(0, 1 << 32)), draw(st.integers(0, 30)), [None, b"", *draw(texts)])
