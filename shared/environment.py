"""Waits that tests shorten, by variables that are no settings: nobody else needs them."""

import math
import os

from shared.errors import ConfigurationError

WAITS = {"FLOWHERD_REFRESH_S": 1200.0, "FLOWHERD_BACKOFF_LONGEST_S": 30.0}


def wait_s(name: str) -> float:
    """The variable's seconds, or the usual ones."""
    word = os.environ.get(name, "")
    try:
        seconds = float(word) if word else WAITS[name]
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ConfigurationError(f"{name}: {word!r} is no number of seconds above 0; unset it, or say one")
    return seconds


def check() -> None:
    """Refuse a bad one before anything starts that reads it."""
    for name in WAITS:
        wait_s(name)
