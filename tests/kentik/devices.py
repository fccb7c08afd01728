"""Devices as Kentik's API tells of them, with custom columns of both generations, and what it wants of a new one."""

import itertools
import re
from typing import Any

# Ids of a real device; an agent must take them from the answer, so tests also shuffle them.
TRACKER = {
    "RETRANSMITTED_IN_PKTS": 1, "RETRANSMITTED_OUT_PKTS": 2, "OOORDER_IN_PKTS": 3, "OOORDER_OUT_PKTS": 4,
    "FRAGMENTS": 5, "CLIENT_NW_LATENCY_MS": 6, "SERVER_NW_LATENCY_MS": 7, "APPL_LATENCY_MS": 8,
    "REPEATED_RETRANSMITS": 2814, "RECEIVE_WINDOW": 2815, "ZERO_WINDOWS": 2816, "CONNECTION_ID": 2817,
    "FPEX_LATENCY_MS": 3102,
}  # fmt: skip
LEGACY = {
    **TRACKER, "KFLOW_HTTP_URL": 175, "KFLOW_HTTP_STATUS": 176, "KFLOW_HTTP_UA": 177, "KFLOW_HTTP_REFERER": 178,
    "KFLOW_DNS_QUERY": 179, "KFLOW_DNS_QUERY_TYPE": 180, "KFLOW_DNS_RET_CODE": 181, "KFLOW_HTTP_HOST": 192,
    "KFLOW_DNS_RESPONSE": 204,
}  # fmt: skip
CURRENT = {
    **LEGACY, "APP_PROTOCOL": 2880, **{f"INT{place:02}": 2881 + place for place in range(6)},
    **{f"STR{place:02}": 2887 + place for place in range(6)},
    **{f"INET_{place:02}": 6498 + place for place in range(5)},
}  # fmt: skip
NAME = re.compile(r"[A-Za-z0-9_]{4,60}")
NEEDED = {
    "device_name": str,
    "device_type": str,
    "device_subtype": str,
    "device_sample_rate": str,
    "device_bgp_type": str,
    "plan_id": int,
    "cdn_attr": str,
    "sending_ips": list,
}


class RefusedDeviceError(ValueError):
    """Kentik would not make such a device."""


def columns(ids: dict[str, int]) -> list[dict[str, str]]:
    """custom_column_data of those ids."""
    return [
        {"field_id": str(number), "col_name": name, "col_type": _kind(name)} for name, number in ids.items()
    ]


def device(ids: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
    """A device; `more` are fields of its JSON."""
    return {
        "id": "1",
        "company_id": "1",
        "device_name": "dev1",
        "device_type": "host-nprobe-dns-www",
        "device_subtype": "kprobe",
        "device_description": "dev1",
        "ip": "127.0.0.1",
        "sending_ips": ["127.0.0.1"],
        "device_sample_rate": "1",
        "device_bgp_type": "none",
        "max_flow_rate": 4000,
        "max_big_flow_rate": 30,
        "plan": {"id": 1, "name": "test"},
        "cdn_attr": "N",
        "custom_column_data": columns(CURRENT if ids is None else ids),
        **more,
    }


def is_called(one: dict[str, Any], name: str) -> bool:
    """Whether a path's last part means this device: its id, its name or an address."""
    return name in (one["id"], one["device_name"], one.get("ip"), *one.get("sending_ips", ()))


def made(wanted: Any, others: list[dict[str, Any]], numbers: "itertools.count[int]") -> dict[str, Any]:
    """The device that a creation makes; company, rate and columns are those of the ones there are."""
    if not isinstance(wanted, dict):
        raise RefusedDeviceError("no device")
    for name, kind in NEEDED.items():
        if type(wanted.get(name)) is not kind:
            raise RefusedDeviceError(f"{name}: {wanted.get(name)!r}")
    if not NAME.fullmatch(wanted["device_name"]):
        raise RefusedDeviceError(f"device_name {wanted['device_name']!r}")
    if any(is_called(one, wanted["device_name"]) for one in others):
        raise RefusedDeviceError("a device of that name is there already")
    return {
        **(others[0] if others else device()),
        **wanted,
        "id": str(next(numbers)),
        "ip": wanted["sending_ips"][0],
    }


def _kind(name: str) -> str:
    if name.startswith("INET"):
        return "addr"
    is_text = name.startswith("STR") or name in ("KFLOW_HTTP_URL", "KFLOW_HTTP_UA", "KFLOW_HTTP_REFERER")
    return (
        "string"
        if is_text or name in ("KFLOW_HTTP_HOST", "KFLOW_DNS_QUERY", "KFLOW_DNS_RESPONSE")
        else "uint32"
    )
