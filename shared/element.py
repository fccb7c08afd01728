"""What a field of the flow record is: its type in every place a record goes to, its meaning, its sources."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

from shared.reasons import AppBy, AppProtocol, Direction, EndReason, Speaker

Kind = Literal[
    "u8",
    "u16",
    "u32",
    "u64",
    "time_ns",
    "address",
    "ipv4",
    "mac",
    "text",
    "ja4",
    "direction",
    "end_reason",
    "app_protocol",
    "app_by",
    "first_speaker",
]

# Kinds that are a code in a row and a word everywhere else, with what the codes mean.
CODES: dict[Kind, type[IntEnum]] = {
    "direction": Direction,
    "end_reason": EndReason,
    "app_protocol": AppProtocol,
    "app_by": AppBy,
    "first_speaker": Speaker,
}
REVERSE_ENTERPRISE = 29305
NO_U16 = 0xFFFF
NO_U32 = 0xFFFFFFFF
CLICKHOUSE: dict[Kind, str] = {
    "u8": "UInt8",
    "u16": "UInt16",
    "u32": "UInt32",
    "u64": "UInt64",
    "time_ns": "DateTime64(9)",
    "address": "IPv6",
    "ipv4": "IPv4",
    "mac": "UInt64",
    "text": "LowCardinality(String)",
    "ja4": "LowCardinality(String)",
    **dict.fromkeys(CODES, "LowCardinality(String)"),
}
SQL: dict[Kind, str] = {
    "u8": "UTINYINT",
    "u16": "USMALLINT",
    "u32": "UINTEGER",
    "u64": "UBIGINT",
    "time_ns": "BIGINT",
    "address": "VARCHAR",
    "ipv4": "VARCHAR",
    "mac": "VARCHAR",
    "text": "VARCHAR",
    "ja4": "VARCHAR",
    **dict.fromkeys(CODES, "VARCHAR"),
}


@dataclass(frozen=True, slots=True)
class Element:
    """One field. `absent` is the stored value that reads as null.

    `scope` row: a column of its own in every row; batch: constant over a batch, not in its rows; application: in
    `cell` of the row, in rows whose app_protocol is one of `protocols` and in no other.
    `iana` is (element number, name) of the IPFIX registry; a reverse element keeps its forward number and is
    told apart by enterprise REVERSE_ENTERPRISE (RFC 5103 section 6.1). `kentik` is the CHF column it feeds.
    """

    name: str
    kind: Kind
    about: str
    unit: str = ""
    iana: tuple[int, str] | None = None
    kentik: str | None = None
    absent: int | None = None
    reversible: bool = False
    reverse: bool = False
    scope: Literal["row", "batch", "application"] = "row"
    source: str = ""
    protocols: tuple[AppProtocol, ...] = ()
    cell: str = ""

    @property
    def clickhouse(self) -> str:
        """Column type in ClickHouse."""
        kind = CLICKHOUSE[self.kind]
        if self.absent is None or kind.startswith("LowCardinality") or self.kind == "mac":
            return kind
        return f"Nullable({kind})"

    @property
    def sql(self) -> str:
        """Column type in the store, DuckDB's words; every column may be NULL."""
        return SQL[self.kind]

    def turned(self) -> "Element":
        """The same field of the reverse direction."""
        return replace(self, name=f"rev_{self.name}", reversible=False, reverse=True, kentik=None)


def in_order(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """Each reversible element followed by its reverse."""
    out: list[Element] = []
    for element in elements:
        out.append(element)
        if element.reversible:
            out.append(element.turned())
    return tuple(out)
