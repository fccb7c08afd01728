"""Values for machines and for people: JSON's types, and numbers, times and sizes that can be read."""

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

SIZES = ("", "k", "M", "G", "T", "P", "E")


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a query gives
    """The value in JSON's types; a time in ISO form, what is no number as null."""
    match value:
        case bool() | int() | str() | None:
            return value
        case list() | tuple():
            return [plain(one) for one in value]
        case dict():
            return {str(key): plain(one) for key, one in value.items()}
    return _number(value) if isinstance(value, float | Decimal | timedelta) else _text(value)


def _number(value: float | Decimal | timedelta) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if not math.isfinite(value):
        return None
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else float(value)


def _text(value: Any) -> str:  # noqa: ANN401 - whatever else a query gives
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
    return str(value)


def size(number: float) -> str:
    """1.2k, 34M: three digits at most, by thousands."""
    step = 0
    while number >= 999.5 and step < len(SIZES) - 1:
        number, step = number / 1000, step + 1
    return f"{number:.0f}{SIZES[step]}" if step == 0 or number >= 9.95 else f"{number:.1f}{SIZES[step]}"


def duration(nanoseconds: int) -> str:
    """How long, in the unit that suits."""
    for unit_ns, unit in ((3600 * 10**9, "h"), (60 * 10**9, "m"), (10**9, "s"), (10**6, "ms"), (10**3, "µs")):
        if nanoseconds >= unit_ns:
            value = nanoseconds / unit_ns
            return f"{value:.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"
    return f"{nanoseconds} ns" if nanoseconds else "0"
