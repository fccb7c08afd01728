"""What a setting takes, and what is said of anything else."""

from typing import Literal

import pytest

from supervisor.values import refusal, word_fits

AUTO = int | Literal["auto"]


@pytest.mark.parametrize("word", ["0", "7", "-1", "+5", "010", "auto"])
def test_whole_numbers(word):
    assert word_fits(word, AUTO)


@pytest.mark.parametrize(
    "word", ["", "1.5", "1.0", "1e3", "0x10", "1_0", " 5", "\u0665", "-", "9" * 5000, "Auto"]
)
def test_what_is_none(word):
    assert not word_fits(word, AUTO)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "true"),
        ("big", "'big'"),
        ([1, "a", False], "[1, 'a', false]"),
        ({"a": 1}, "a table"),
        (1.5, "1.5"),
        ("x" * 9999, f"'{'x' * 80}'…"),
    ],
)
def test_a_refusal_speaks_no_python(value, said):
    assert refusal("f.toml: drain", value, int) == f"f.toml: drain: {said} is not a whole number"
