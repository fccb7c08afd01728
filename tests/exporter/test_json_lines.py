"""JSON lines, octet for octet what json.dumps makes of each row."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import json_lines
from exporter.alike import alike
from exporter.json_lines import ALIKE_NAMES, lines
from exporter.sheet import numerals
from shared.elements import ELEMENTS
from shared.record import Batch, behind
from tests.exporter.kentik_rows import ODD_TEXTS, made
from tests.exporter.rig import put_texts, some_rows
from tests.exporter.test_columns import expected, varied

TEXTS_OF_ALL_KINDS = st.one_of(
    st.none(),
    st.binary(max_size=30),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"\\", b'"', b"\x7f", b"\x1f", b"\0", b"<&>/", "\u2028😀".encode(), b"%s %d", b"x" * 900]
    ),
)


def formatted(batch, texts):
    """The lines of a batch, a row at a time by json.dumps."""
    out = []
    for row, its in zip(batch.rows, texts, strict=True):
        told = {element.name: expected(element, row, its, batch) for element in ELEMENTS}
        known = {name: value for name, value in told.items() if value is not None}
        out.append(json.dumps(known, separators=(",", ":")) + "\n")
    return "".join(out).encode()


@pytest.mark.parametrize("seed", range(4))
def test_lines_are_those_of_json_dumps(seed):
    batch, texts = varied(seed)
    assert lines(batch) == formatted(batch, texts)


@pytest.mark.parametrize("seed", range(4))
def test_lines_of_odd_exchanges(seed):
    batch, cells = made(seed, 300, ODD_TEXTS)
    assert lines(batch) == formatted(batch, [tuple(of.values()) for of in cells])


@given(st.integers(0, 1 << 32), st.lists(TEXTS_OF_ALL_KINDS, min_size=1, max_size=6), st.integers(1, 40))
def test_texts_of_all_kinds(seed, some, count):
    batch, cells = made(seed, count, some)
    assert lines(batch) == formatted(batch, [tuple(of.values()) for of in cells])


def test_texts_that_need_no_escape():
    """They are copied as they are."""
    batch, cells = made(3, 200, [None, b"", b"a", b"host.example.net", b"/?%20'<>\x7f"])
    assert lines(batch) == formatted(batch, [tuple(of.values()) for of in cells])


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_rows_are_in_order_whatever_fits_a_sheet(monkeypatch, size):
    batch, texts = varied(11, 101)
    monkeypatch.setattr(json_lines, "_sheet_rows", lambda _rows: size)
    assert lines(batch) == formatted(batch, texts)


def test_a_sheet_stays_small_however_long_the_texts():
    short, _ = made(1, 50, [b"a"])
    long, cells = made(1, 50, [b"a", b"x" * 60_000])
    rows = json_lines._sheet_rows
    assert rows(long.rows) * 300_000 <= json_lines.SHEET_BYTES < rows(short.rows) * 2000
    assert lines(long) == formatted(long, [tuple(of.values()) for of in cells])


@pytest.mark.parametrize("distinct", [1, 3, 99])
def test_rows_that_are_alike(distinct):
    """Few sets of values are written once each, many a row at a time."""
    batch, texts = varied(12, 100)
    rows = batch.rows.copy()
    for name in ALIKE_NAMES:
        rows[name] = batch.rows[name][np.arange(100) % distinct]
    octets = put_texts(rows, texts)
    again = Batch("eth0", 2, 1, rows, texts=octets)
    assert lines(again) == formatted(again, texts)


def test_kinds_whose_hashes_collide_stay_apart(monkeypatch):
    monkeypatch.setattr("exporter.alike._factors", lambda count: np.zeros(count, np.uint64))
    first, which = alike(some_rows(0, 20), ("bytes", "dst_port"))
    assert first.tolist() == which.tolist() == list(range(20))


def test_the_rest_of_a_batch():
    batch, texts = varied(13)
    for skip in (1, 50, 199, 200):
        assert lines(behind(batch, skip)) == formatted(behind(batch, skip), texts[skip:])


@given(st.lists(st.integers(0, (1 << 64) - 1) | st.integers(0, 100_000_001), min_size=1, max_size=20))
def test_numbers_as_cells_of_four_digits(numbers):
    values = np.array(numbers, np.uint64)
    told = [b""] * len(numbers)
    for cells in numerals(values, max(numbers) or 1):
        for place in range(len(numbers)):
            octets = cells if isinstance(cells, bytes) else cells[place].tobytes()
            told[place] += octets.replace(b"\0", b"")
    assert told == [b"%d" % number for number in numbers]
