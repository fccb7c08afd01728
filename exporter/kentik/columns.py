"""Which of a device's custom columns takes which field: ids are the device's own, names of two generations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.kentik.fields import SHARED
from shared.reasons import AppProtocol

MARK = "APP_PROTOCOL"
DIGITS = 10
LEGACY = {"TLS_SERVER_NAME": "KFLOW_HTTP_HOST"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Column ids by name. A device with APP_PROTOCOL has columns that all applications share (STR00, INT00, …)."""

    ids: Mapping[str, int]

    @property
    def are_shared(self) -> bool:
        """Whether the device is of the current generation."""
        return MARK in self.ids

    def name(self, field: str, protocol: AppProtocol | None = None) -> str:
        """The column of a field: the tracker's have their own, an application's depends on the generation."""
        if protocol is not None and self.are_shared:
            return SHARED.get((protocol, field), field)
        return LEGACY.get(field, field)


def columns_of(custom_column_data: Iterable[Any] | None) -> Columns:
    """From a device's JSON; an entry without a name or a usable number is no column."""
    ids = {}
    for column in custom_column_data or ():
        if not isinstance(column, Mapping):
            continue
        name, number = column.get("col_name"), str(column.get("field_id", ""))
        if isinstance(name, str) and _is_id(number):
            ids[name] = int(number)
    return Columns(ids)


def _is_id(number: str) -> bool:
    return number.isdecimal() and len(number) <= DIGITS and int(number) <= 0xFFFFFFFF
