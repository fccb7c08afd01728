"""A batch as columns for SQL: names and types from shared/elements.py, constants expanded, absent values as NULL."""

from typing import Any

import numpy as np

from shared.reasons import Direction, EndReason


def _words(kind: type[Direction] | type[EndReason]) -> "np.ndarray[Any, Any]":
    names = {member.value: member.name.lower() for member in kind}
    return np.array([names.get(value, "unknown") for value in range(max(names) + 1)], object)


WORDS = {"direction": _words(Direction), "end_reason": _words(EndReason)}
