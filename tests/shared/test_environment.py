"""Waits by variables: a number of seconds, or a sentence."""

import pytest

from shared import environment
from shared.errors import ConfigurationError

NAME = "FLOWHERD_BACKOFF_LONGEST_S"


@pytest.mark.parametrize(("word", "seconds"), [(None, 30.0), ("", 30.0), ("0.5", 0.5), ("7", 7.0)])
def test_seconds(monkeypatch, word, seconds):
    monkeypatch.delenv(NAME, raising=False)
    if word is not None:
        monkeypatch.setenv(NAME, word)
    assert seconds == environment.wait_s(NAME)


@pytest.mark.parametrize("word", ["soon", "-1", "nan", "inf", "0"])
def test_what_is_none(monkeypatch, word):
    monkeypatch.setenv(NAME, word)
    with pytest.raises(ConfigurationError, match=f"{NAME}: '{word}' is no number of seconds above 0"):
        environment.check()
