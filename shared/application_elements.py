r"""Fields of application exchanges: which protocols have them, and in which cell of a row they stand.

A row has five text cells and six number cells (worker/decoders/cells.py); app_protocol says what they mean. They are
filled only on the record of an exchange. Texts are what was on the wire: UTF-8, other bytes as `\xNN`.
"""

from dataclasses import replace
from typing import Any

from shared.element import NO_U16, NO_U32, Element, Kind
from shared.reasons import AppProtocol

TEXTS = tuple(f"text{place}" for place in range(5))
NUMBERS = tuple(f"number{place}" for place in range(6))


def _cell(cell: str, kind: Kind, name: str, about: str, source: str, **more: Any) -> Element:  # noqa: ANN401
    """The element that stands in `cell`."""
    absent = NO_U16 if cell in TEXTS else 0 if kind == "ipv4" else NO_U32
    return Element(name, kind, about, scope="application", absent=absent, cell=cell, source=source, **more)


def _of(protocols: tuple[AppProtocol, ...], *elements: Element) -> tuple[Element, ...]:
    """The elements that records of `protocols` have."""
    return tuple(replace(element, protocols=protocols) for element in elements)


GENERAL = (
    Element(
        "app_protocol",
        "app_protocol",
        "what the exchange in this record speaks: dns, http, tls, quic, dhcp, radius or postgres; null in a record "
        "without one (mDNS and LLMNR are not dns)",
        kentik="APP_PROTOCOL",
        absent=0,
    ),
    Element(
        "app_by",
        "app_by",
        "what its decoder was chosen by: port, or payload, a look at the first bytes",
        absent=0,
    ),
)

# fmt: off
DNS = _of(
    (AppProtocol.DNS,),
    _cell("text0", "text", "dns_query",
          "name asked for, without the trailing dot; of several questions the last",
          "RFC 1035 section 4.1.2", kentik="KFLOW_DNS_QUERY"),
    _cell("number0", "u16", "dns_query_type",
          "type asked for: 1 A, 28 AAAA, 65 HTTPS, …",
          "RFC 1035 section 3.2.2", kentik="KFLOW_DNS_QUERY_TYPE"),
    _cell("number1", "u16", "dns_rcode",
          "code of the response: 0 no error, 2 server failure, 3 no such name (NXDOMAIN), 5 refused, …; "
          "null when none was seen",
          "RFC 1035 section 4.1.1", kentik="KFLOW_DNS_RET_CODE"),
    _cell("text1", "text", "dns_answers",
          "answers in their order with `;` between, `value/TYPE` for A, AAAA, CNAME, PTR, MX (the "
          "exchange), NS and TXT, nothing for other types; kprobe's form",
          "RFC 1035 section 3.2.1", kentik="KFLOW_DNS_RESPONSE"),
)
HTTP = _of(
    (AppProtocol.HTTP,),
    _cell("text4", "text", "http_method",
          "request method",
          "RFC 9110 section 9", iana=(459, "httpRequestMethod")),
    _cell("text0", "text", "http_url",
          "request target as it stands in the request line",
          "RFC 9112 section 3.2", iana=(461, "httpRequestTarget"), kentik="KFLOW_HTTP_URL"),
    _cell("text1", "text", "http_host",
          "Host field of the request",
          "RFC 9110 section 7.2", iana=(460, "httpRequestHost"), kentik="KFLOW_HTTP_HOST"),
    _cell("number0", "u16", "http_status",
          "status code of the response; null when none was seen",
          "RFC 9110 section 15", iana=(457, "httpStatusCode"), kentik="KFLOW_HTTP_STATUS"),
    _cell("text3", "text", "http_user_agent",
          "User-Agent field of the request",
          "RFC 9110 section 10.1.5", iana=(468, "httpUserAgent"), kentik="KFLOW_HTTP_UA"),
    _cell("text2", "text", "http_referer",
          "Referer field of the request",
          "RFC 9110 section 10.1.3", kentik="KFLOW_HTTP_REFERER"),
)
TLS = _of(
    (AppProtocol.TLS, AppProtocol.QUIC),
    _cell("text0", "text", "tls_server_name",
          "host name the client asked for (SNI)",
          "RFC 6066 section 3", kentik="TLS_SERVER_NAME"),
    _cell("number0", "u16", "tls_version",
          "version the server chose, by supported_versions where it uses that: 769 is 1.0 (0x0301), 771 "
          "is 1.2, 772 is 1.3; null when its hello was not seen",
          "RFC 8446 section 4.2.1", kentik="TLS_SERVER_VERSION"),
    _cell("number1", "u16", "tls_cipher",
          "cipher suite the server chose, its registered number; null when its hello was not seen",
          "RFC 8446 section 4.1.3", kentik="TLS_CIPHER_SUITE"),
    _cell("text1", "text", "tls_alpn",
          "application protocol (ALPN): the server's choice where it is readable, else what the client "
          "offers, with commas between",
          "RFC 7301 section 3.1"),
    _cell("text2", "ja4", "tls_ja4",
          "JA4 fingerprint of the client's hello",
          "FoxIO, JA4 technical details"),
)
DHCP = _of(
    (AppProtocol.DHCP,),
    _cell("number0", "u8", "dhcp_op",
          "1 request, 2 reply",
          "RFC 2131 section 2", kentik="DHCP_OP"),
    _cell("number1", "u8", "dhcp_message_type",
          "1 discover, 2 offer, 3 request, 4 decline, 5 ack, 6 nak, 7 release, 8 inform",
          "RFC 2132 section 9.6", kentik="DHCP_MSG_TYPE"),
    _cell("text0", "text", "dhcp_client_mac",
          "client's link address (chaddr)",
          "RFC 2131 section 2", kentik="DHCP_CH_ADDR"),
    _cell("text1", "text", "dhcp_host_name",
          "client's name (option 12)",
          "RFC 2132 section 3.14", kentik="DHCP_HOSTNAME"),
    _cell("text2", "text", "dhcp_domain",
          "domain name (option 15)",
          "RFC 2132 section 3.17", kentik="DHCP_DOMAIN"),
    _cell("number2", "ipv4", "dhcp_client_addr",
          "address the client has already (ciaddr); null for 0.0.0.0",
          "RFC 2131 section 2", kentik="DHCP_CI_ADDR"),
    _cell("number3", "ipv4", "dhcp_your_addr",
          "address given to the client (yiaddr); null for 0.0.0.0",
          "RFC 2131 section 2", kentik="DHCP_YI_ADDR"),
    _cell("number4", "ipv4", "dhcp_server_addr",
          "server of the client's next step (siaddr); null for 0.0.0.0",
          "RFC 2131 section 2", kentik="DHCP_SI_ADDR"),
    _cell("number5", "u32", "dhcp_lease_s",
          "lease time (option 51); 4294967294 for one without end",
          "RFC 2132 section 9.2", unit="s", kentik="DHCP_LEASE"),
)
RADIUS = _of(
    (AppProtocol.RADIUS,),
    _cell("number0", "u8", "radius_code",
          "1 access request, 2 accept, 3 reject, 4 accounting request, 5 accounting response, 11 "
          "challenge",
          "RFC 2865 section 3", kentik="RADIUS_CODE"),
    _cell("text0", "text", "radius_user_name",
          "User-Name",
          "RFC 2865 section 5.1", kentik="RADIUS_USER_NAME"),
    _cell("number1", "u32", "radius_service_type",
          "Service-Type",
          "RFC 2865 section 5.6", kentik="RADIUS_SERVICE_TYPE"),
    _cell("number2", "ipv4", "radius_framed_addr",
          "Framed-IP-Address; null for 255.255.255.255, which leaves it to the user",
          "RFC 2865 section 5.8", kentik="RADIUS_FRAMED_IP_ADDR"),
    _cell("number3", "ipv4", "radius_framed_mask",
          "Framed-IP-Netmask",
          "RFC 2865 section 5.9", kentik="RADIUS_FRAMED_IP_MASK"),
    _cell("number4", "u32", "radius_framed_protocol",
          "Framed-Protocol, attribute 7: 1 PPP, 2 SLIP, … (kprobe reads 10, Framed-Routing)",
          "RFC 2865 section 5.7", kentik="RADIUS_FRAMED_PROTO"),
    _cell("number5", "u32", "radius_acct_status",
          "Acct-Status-Type: 1 start, 2 stop, 3 interim update, …",
          "RFC 2866 section 5.1", kentik="RADIUS_ACCT_STATUS"),
    _cell("text1", "text", "radius_session_id",
          "Acct-Session-Id",
          "RFC 2866 section 5.5", kentik="RADIUS_ACCT_SESSION_ID"),
)
POSTGRES = _of(
    (AppProtocol.POSTGRES,),
    _cell("text0", "text", "postgres_user",
          "user of the session's start-up message",
          "PostgreSQL protocol 3.0, StartupMessage"),
    _cell("text1", "text", "postgres_database",
          "database of the session's start-up message; the user's name where it names none",
          "PostgreSQL protocol 3.0, StartupMessage"),
    _cell("text2", "text", "postgres_command",
          "what the query did: first words of the server's command tag, else of the query",
          "PostgreSQL protocol 3.0, CommandComplete"),
)
# fmt: on

APPLICATION = GENERAL + DNS + HTTP + TLS + DHCP + RADIUS + POSTGRES
