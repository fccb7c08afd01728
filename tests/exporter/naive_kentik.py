"""Kentik's records of one row in plain Python: what exporter/kentik must say, one row and one column at a time."""

from ipaddress import ip_address
from typing import Any

from shared.elements import BY_NAME, NO_U16, NO_U32
from shared.reasons import AppProtocol, Direction

DNS, HTTP, TLS, DHCP, RADIUS = 1, 2, 3, 4, 9
PORTS = {
    (6, 80): HTTP, (6, 443): TLS, (17, 53): DNS, (17, 67): DHCP, (17, 68): DHCP, (17, 1812): RADIUS, (17, 1813): RADIUS,
}  # fmt: skip
# Application fields: element, column of the current generation, of the former one, and on which records.
ASKED, ANSWERED = "asked", "answered"
FIELDS = {
    DNS: [
        ("dns_query", "STR00", "KFLOW_DNS_QUERY", ASKED),
        ("dns_query_type", "INT00", "KFLOW_DNS_QUERY_TYPE", ASKED),
        ("dns_rcode", "INT01", "KFLOW_DNS_RET_CODE", ANSWERED),
        ("dns_answers", "STR01", "KFLOW_DNS_RESPONSE", ANSWERED),
    ],
    HTTP: [
        ("http_url", "STR00", "KFLOW_HTTP_URL", ASKED),
        ("http_host", "STR01", "KFLOW_HTTP_HOST", ASKED),
        ("http_referer", "STR02", "KFLOW_HTTP_REFERER", ASKED),
        ("http_user_agent", "STR03", "KFLOW_HTTP_UA", ASKED),
        ("http_status", "INT00", "KFLOW_HTTP_STATUS", ANSWERED),
    ],
    TLS: [
        ("tls_server_name", "STR00", "KFLOW_HTTP_HOST", ASKED),
        ("tls_version", "INT00", "TLS_SERVER_VERSION", ASKED),
        ("tls_cipher", "INT01", "TLS_CIPHER_SUITE", ASKED),
    ],
    DHCP: [
        ("dhcp_op", "INT00", "DHCP_OP", ASKED),
        ("dhcp_message_type", "INT01", "DHCP_MSG_TYPE", ASKED),
        ("dhcp_client_addr", "INET_00", "DHCP_CI_ADDR", ASKED),
        ("dhcp_your_addr", "INET_01", "DHCP_YI_ADDR", ASKED),
        ("dhcp_server_addr", "INET_02", "DHCP_SI_ADDR", ASKED),
        ("dhcp_client_mac", "STR00", "DHCP_CH_ADDR", ASKED),
        ("dhcp_host_name", "STR01", "DHCP_HOSTNAME", ASKED),
        ("dhcp_domain", "STR02", "DHCP_DOMAIN", ASKED),
        ("dhcp_lease_s", "INT02", "DHCP_LEASE", ASKED),
    ],
    RADIUS: [
        ("radius_code", "INT00", "RADIUS_CODE", ASKED),
        ("radius_user_name", "STR00", "RADIUS_USER_NAME", ASKED),
        ("radius_service_type", "INT01", "RADIUS_SERVICE_TYPE", ASKED),
        ("radius_framed_addr", "INET_00", "RADIUS_FRAMED_IP_ADDR", ASKED),
        ("radius_framed_mask", "INET_01", "RADIUS_FRAMED_IP_MASK", ASKED),
        ("radius_framed_protocol", "STR01", "RADIUS_FRAMED_PROTO", ASKED),
        ("radius_acct_status", "INT02", "RADIUS_ACCT_STATUS", ASKED),
        ("radius_session_id", "STR02", "RADIUS_ACCT_SESSION_ID", ASKED),
    ],
}
EMPTY_WHEN_ABSENT = {
    "dns_answers",
    "http_url",
    "http_host",
    "http_referer",
    "http_user_agent",
    "dhcp_client_mac",
}
LARGEST = {"u8": 255, "u16": 65535, "u32": NO_U32 - 1}


def records(
    row: Any, texts: dict[str, bytes | None], sample_rate: int, device_id: int, *, current: bool
) -> Any:
    """(fields that are not 0, customs as (column, value)) of each direction that had a packet, forward first."""
    return [
        (fields(row, back, sample_rate, device_id), customs(row, texts, back, current=current))
        for back in (False, True)
        if row["rev_packets" if back else "packets"] > 0
    ]


def way(row: Any, name: str, back: bool) -> int:
    return int(row[f"rev_{name}" if back else name])


def octets(row: Any, side: str) -> bytes:
    return row[f"{side}_addr_head"].tobytes() + row[f"{side}_addr_tail"].tobytes()


def fields(row: Any, back: bool, sample_rate: int, device_id: int) -> dict[str, Any]:
    src, dst = ("dst", "src") if back else ("src", "dst")
    direction = Direction(int(row["direction"]))
    if back and direction != Direction.UNKNOWN:
        direction = Direction.OUT if direction == Direction.IN else Direction.IN
    put = "in" if direction == Direction.IN else "out"
    local = int(row[f"{dst if put == 'in' else src}_mac"])
    out: dict[str, Any] = {
        "protocol": int(row["proto"]),
        "l4SrcPort": int(row[f"{src}_port"]),
        "l4DstPort": int(row[f"{dst}_port"]),
        "srcEthMac": int(row[f"{src}_mac"]),
        "dstEthMac": int(row[f"{dst}_mac"]),
        f"{put}Pkts": way(row, "packets", back),
        f"{put}Bytes": way(row, "bytes", back),
        f"{put}putPort": local & 0xFFFF,
        f"vlan{put.title()}": int(row["inner_vlan"]) or int(row["vlan"]),
        "tos": way(row, "tos", back) if way(row, "tos", back) != NO_U16 else 0,
        "tcpFlags": way(row, "tcp_flags", back) if way(row, "tcp_flags", back) != NO_U16 else 0,
        "sampleRate": sample_rate * 100,
        "sampleAdj": True,
        "deviceId": device_id,
        "appProtocol": application(row),
    }
    for end, side in (("Src", src), ("Dst", dst)):
        if row["ip_version"] == 4:
            out[f"ipv4{end}Addr"] = int.from_bytes(octets(row, side)[12:], "big")
        else:
            out[f"ipv6{end}Addr"] = octets(row, side)
    if row["proto"] == 1:
        out["l4SrcPort"], out["l4DstPort"] = 0, echo(row, back)
    return {name: value for name, value in out.items() if value}


def echo(row: Any, back: bool) -> int:
    kind, code = (
        0 if row[f"icmp_{name}"] == NO_U16 else int(row[f"icmp_{name}"]) for name in ("type", "code")
    )
    if back and code == 0 and kind in (0, 8):
        kind = 8 - kind
    return kind << 8 | code


def application(row: Any) -> int:
    if row["app_protocol"] in FIELDS:
        return int(row["app_protocol"])
    low, high = sorted((int(row["src_port"]), int(row["dst_port"])))
    proto = int(row["proto"])
    return PORTS.get((proto, low), PORTS.get((proto, high), 0))


def customs(row: Any, texts: dict[str, bytes | None], back: bool, *, current: bool) -> list[tuple[str, Any]]:
    out = decoder(row, texts, back, current=current)
    out.append(("FRAGMENTS", way(row, "fragments", back) or None))
    if current:
        out.append(("APP_PROTOCOL", application(row) or None))
    half = (
        ("SERVER_NW_LATENCY_MS", "server_latency_us")
        if back
        else ("CLIENT_NW_LATENCY_MS", "client_latency_us")
    )
    window = way(row, "receive_window", back)
    out += [
        ("CONNECTION_ID", int(row["connection_id"]) or None),
        (half[0], clamped(row[half[1]])),
        ("FPEX_LATENCY_MS", clamped(row["fpex_latency_us"]) if back == (row["first_speaker"] != 2) else None),
        ("RETRANSMITTED_OUT_PKTS", counted(row, "retransmits", back)),
        ("REPEATED_RETRANSMITS", counted(row, "repeated_retransmits", back)),
        ("OOORDER_IN_PKTS", counted(row, "out_of_order", back)),
        ("RECEIVE_WINDOW", window if window != NO_U32 and way(row, "mss", back) else None),
        ("ZERO_WINDOWS", counted(row, "zero_windows", back)),
    ]
    return [(name, value) for name, value in out if value is not None]


def counted(row: Any, name: str, back: bool) -> int | None:
    value = way(row, name, back)
    return None if value in (0, NO_U32) else value


def clamped(us: Any) -> int | None:
    return None if us == NO_U32 else min(max(int(us) // 1000, 1), 20000)


def sides(row: Any, protocol: int, back: bool) -> set[str]:
    """Which of an exchange's fields stand on this record."""
    went, came = row["packets"] > 0, row["rev_packets"] > 0
    if protocol == TLS:
        return {ASKED}
    if protocol in (DHCP, RADIUS):
        return {ASKED, ANSWERED} if back == message_goes_back(row, protocol) else set()
    result = row["number1" if protocol == DNS else "number0"] <= 65535
    is_answer = result and (back or not came)
    is_question = not back or not went
    return ({ASKED} if is_question or is_answer else set()) | ({ANSWERED} if is_answer else set())


def message_goes_back(row: Any, protocol: int) -> bool:
    if not (row["packets"] and row["rev_packets"]):
        return bool(row["rev_packets"])
    if protocol == DHCP:
        reply, servers = row["number0"] == 2, (67,)
    else:
        reply, servers = row["number0"] not in (1, 4), (1812, 1813)
    server_began = row["src_port"] in servers and row["dst_port"] not in servers
    return bool(reply) != server_began


def decoder(row: Any, texts: dict[str, bytes | None], back: bool, *, current: bool) -> list[tuple[str, Any]]:
    protocol = int(row["app_protocol"])
    if protocol not in FIELDS:
        return []
    here = sides(row, protocol, back)
    out = []
    for element, shared, legacy, where in FIELDS[protocol]:
        if where in here:
            out.append((shared if current else legacy, value_of(row, texts, element)))
    us = int(row["app_latency_us"])
    if ANSWERED in here and protocol != TLS and us != NO_U32:
        out.append(("APPL_LATENCY_MS", us // 1000 if protocol in (DNS, HTTP) else clamped(us)))
    return out


def value_of(row: Any, texts: dict[str, bytes | None], name: str) -> Any:
    element = BY_NAME[name]
    assert AppProtocol(int(row["app_protocol"])) in element.protocols
    if element.kind == "text":
        return text(texts[element.cell], empty="" if name in EMPTY_WHEN_ABSENT else None)
    number = int(row[element.cell])
    if element.kind == "ipv4":
        return None if number == 0 and name.startswith("radius") else ip_address(number)
    if number > LARGEST[element.kind]:
        return None
    if name == "radius_code":
        return number if number in (1, 2, 3, 4, 5, 11) else 0
    if name == "radius_service_type":
        return number if 1 <= number <= 11 else 0
    return str(number) if name == "radius_framed_protocol" else number


def text(raw: bytes | None, empty: str | None) -> str | None:
    """At most 384 octets, no part of a character."""
    if raw is None:
        return empty
    whole = raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    while len(whole.encode()) > 384:
        whole = whole[:-1]
    return whole
