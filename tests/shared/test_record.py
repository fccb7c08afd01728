"""Batches on the wire, and the texts of their rows."""

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.application_elements import TEXTS
from shared.record import ROW, Batch, SchemaError, behind, pack, texts, unpack
from tests.exporter.rig import blank_rows, put_texts

SOME_TEXTS = st.lists(st.tuples(*[st.none() | st.binary(max_size=9)] * len(TEXTS)), max_size=6)


def batch_of(listed, place=0):
    rows = blank_rows(len(listed))
    return Batch("eth0", 2, 1, rows, texts=put_texts(rows, listed, place))


@given(SOME_TEXTS, st.integers(0, 2**64 - 1000), st.integers(0, 6))
def test_texts_come_back_after_the_wire(listed, place, skip):
    """Wherever in the ring they were, whatever was left out before them."""
    skip = min(skip, len(listed))
    batch = behind(unpack(pack(batch_of(listed, place))), skip)
    every = np.arange(len(batch.rows))
    for number, cell in enumerate(TEXTS):
        assert texts(batch, cell, every) == [its[number] for its in listed[skip:]]
        assert texts(batch, cell, every[::2]) == [its[number] for its in listed[skip::2]]


@pytest.mark.parametrize("offset", [-1, 4, 1 << 40, 1 << 63, (1 << 64) - 1])
def test_a_text_that_lies_outside_is_absent(offset):
    batch = batch_of([(b"ab",), (b"cd",)])
    batch.rows["text_at"][1] = offset % (1 << 64)
    assert texts(batch, "text0", np.arange(2)) == [b"ab", None]
    assert behind(batch, 1).texts == b""
    batch.rows["text0"][0] = 5
    assert texts(batch, "text0", np.arange(1)) == [None]


def test_a_batch_cut_short_has_what_is_left():
    batch = batch_of([(b"ab", b"cd"), (b"ef",)])
    cut = Batch("eth0", 2, 1, batch.rows, texts=batch.texts[:3])
    assert texts(cut, "text0", np.arange(2)) == [b"ab", None]
    assert texts(cut, "text1", np.arange(2)) == [None, None]


def test_an_empty_text_is_a_text():
    assert texts(batch_of([(b"", None)]), "text0", np.arange(1)) == [b""]
    assert texts(batch_of([(b"", None)]), "text1", np.arange(1)) == [None]


def test_another_schema_is_refused():
    fields = msgpack.unpackb(pack(batch_of([(b"a",)])))
    for wrong, error in (
        ({"schema": 1}, SchemaError),
        ({"texts": 7}, TypeError),
        ({"rows": b"short"}, ValueError),
    ):
        with pytest.raises(error):
            unpack(msgpack.packb(fields | wrong))


def test_a_row_is_not_wider_than_it_needs_to_be():
    assert ROW.itemsize - sum(ROW[name].itemsize for name in ROW.names) < 8
