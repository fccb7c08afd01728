"""What a record tells of an application and of the network, each in one line for people."""

from collections.abc import Callable
from typing import Any

from console.values import duration
from shared.log_forms import visible

LONGEST = 100  # characters of one text; --json and --csv have all of it
DNS_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV"}
DNS_TYPES |= {43: "DS", 46: "RRSIG", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 252: "AXFR", 255: "ANY"}
DNS_RCODES = dict(enumerate(("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")))
TLS_VERSIONS = {768: "SSL 3.0", 769: "1.0", 770: "1.1", 771: "1.2", 772: "1.3"}
DHCP_TYPES = dict(
    enumerate(("discover", "offer", "request", "decline", "ack", "nak", "release", "inform"), 1)
)
RADIUS_CODES = {1: "access request", 2: "accept", 3: "reject", 4: "accounting", 5: "accounted"}
RADIUS_CODES |= {11: "challenge"}
WAYS = (("", "→"), ("rev_", "←"))

Record = dict[str, Any]
Told = list[str | int | None]


def application(record: Record) -> str:
    """The exchange: its protocol, what was asked, what came of it, how long that took; nothing without one."""
    protocol = record["app_protocol"]
    if protocol is None:
        return ""
    latency_us = record["app_latency_us"]
    told = [protocol, *TELLERS.get(protocol, _nothing)(record)]
    if latency_us is not None:
        told.append(duration(latency_us * 1000))
    return " ".join(_cut(str(part)) for part in told if part is not None)


def network(record: Record) -> str:
    """Round trip, and what went wrong on the way, in the direction in which it did."""
    told = []
    round_trip = _round_trip_us(record)
    if round_trip is not None:
        told.append(f"rtt {duration(round_trip * 1000)}")
    for name in ("retransmits", "out_of_order", "zero_windows"):
        ways = [f"{record[f'{way}{name}']} {arrow}" for way, arrow in WAYS if record[f"{way}{name}"]]
        if ways:
            told.append(f"{name.replace('_', ' ')} {' '.join(ways)}")
    return ", ".join(told)


def _round_trip_us(record: Record) -> int | None:
    """Both legs by acknowledgements, else by the handshake."""
    forward, back = record["rtt_mean_us"], record["rev_rtt_mean_us"]
    if forward is not None and back is not None:
        return int(forward + back)
    client, server = record["client_latency_us"], record["server_latency_us"]
    if client is not None and server is not None:
        return int(2 * (client + server))
    return None


def _named(names: dict[int, str], number: int | None, prefix: str) -> str | None:
    """The name of a number, the number itself where it has none."""
    return None if number is None else names.get(number, f"{prefix}{number}")


def _nothing(record: Record) -> Told:
    del record
    return []


def _dns(record: Record) -> Told:
    outcome = _named(DNS_RCODES, record["dns_rcode"], "rcode ")
    return [
        record["dns_query"] or ".",
        _named(DNS_TYPES, record["dns_query_type"], "TYPE"),
        outcome or "no answer",
    ]


def _http(record: Record) -> Told:
    url, host = record["http_url"] or "", record["http_host"] or ""
    place = host + url if url.startswith(("/", "*")) or not url else url
    status = record["http_status"]
    return [record["http_method"], place, "no answer" if status is None else status]


def _tls(record: Record) -> Told:
    version = _named(TLS_VERSIONS, record["tls_version"], "version ")
    return [version, record["tls_server_name"], record["tls_alpn"]]


def _dhcp(record: Record) -> Told:
    kind = _named(DHCP_TYPES, record["dhcp_message_type"], "type ")
    return [kind, record["dhcp_host_name"] or record["dhcp_client_mac"], record["dhcp_your_addr"]]


def _radius(record: Record) -> Told:
    code = _named(RADIUS_CODES, record["radius_code"], "code ")
    return [code, record["radius_user_name"], record["radius_framed_addr"]]


def _postgres(record: Record) -> Told:
    who = "@".join(filter(None, (record["postgres_user"], record["postgres_database"])))
    return [who or None, record["postgres_command"]]


TELLERS: dict[str, Callable[[Record], Told]] = {
    "dns": _dns,
    "http": _http,
    "tls": _tls,
    "quic": _tls,
    "dhcp": _dhcp,
    "radius": _radius,
    "postgres": _postgres,
}


def _cut(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
