"""The application fields kprobe's decoders send: from which element, in which column, on which record (step 10).

`on_answer`: on the record of the answer alone; others are on the request's too. In TLS both directions have all,
and of DHCP and RADIUS each message has a record of its own.
"""

from dataclasses import dataclass
from typing import Literal

from shared.elements import BY_NAME
from shared.reasons import AppProtocol

DNS, HTTP, TLS, DHCP, RADIUS = (
    AppProtocol.DNS,
    AppProtocol.HTTP,
    AppProtocol.TLS,
    AppProtocol.DHCP,
    AppProtocol.RADIUS,
)
Form = Literal["text", "number", "address", "numeral"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `numeral`: a number in a text column.

    `always`: sent also when absent, as an empty text, 0 or 0.0.0.0. `known`: numbers that are; 0 stands for others.
    """

    element: str
    column: str
    form: Form = "number"
    on_answer: bool = False
    always: bool = False
    known: range | tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """Its column's name where applications share none."""
        return BY_NAME[self.element].kentik or ""


FIELDS: dict[AppProtocol, tuple[Field, ...]] = {
    DNS: (
        Field("dns_query", "STR00", "text"),
        Field("dns_query_type", "INT00"),
        Field("dns_rcode", "INT01", on_answer=True),
        Field("dns_answers", "STR01", "text", on_answer=True, always=True),
    ),
    HTTP: (
        Field("http_url", "STR00", "text", always=True),
        Field("http_host", "STR01", "text", always=True),
        Field("http_referer", "STR02", "text", always=True),
        Field("http_user_agent", "STR03", "text", always=True),
        Field("http_status", "INT00", on_answer=True),
    ),
    TLS: (
        Field("tls_server_name", "STR00", "text"),
        Field("tls_version", "INT00"),
        Field("tls_cipher", "INT01"),
    ),
    DHCP: (
        Field("dhcp_op", "INT00"),
        Field("dhcp_message_type", "INT01"),
        Field("dhcp_client_addr", "INET_00", "address", always=True),
        Field("dhcp_your_addr", "INET_01", "address", always=True),
        Field("dhcp_server_addr", "INET_02", "address", always=True),
        Field("dhcp_client_mac", "STR00", "text", always=True),
        Field("dhcp_host_name", "STR01", "text"),
        Field("dhcp_domain", "STR02", "text"),
        Field("dhcp_lease_s", "INT02"),
    ),
    RADIUS: (
        Field("radius_code", "INT00", known=(1, 2, 3, 4, 5, 11)),
        Field("radius_user_name", "STR00", "text"),
        Field("radius_service_type", "INT01", known=range(1, 12)),
        Field("radius_framed_addr", "INET_00", "address"),
        Field("radius_framed_mask", "INET_01", "address"),
        Field("radius_framed_protocol", "STR01", "numeral"),
        Field("radius_acct_status", "INT02"),
        Field("radius_session_id", "STR02", "text"),
    ),
}
# Whose answer carries APPL_LATENCY_MS, and whether it is held to 1 ms to 20 s.
LATENCY_IS_CLAMPED = {DNS: False, HTTP: False, DHCP: True, RADIUS: True}
SHARED = {(protocol, field.name): field.column for protocol, fields in FIELDS.items() for field in fields}
