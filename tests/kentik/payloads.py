"""What is posted to Kentik, taken apart and checked: flows, DNS answers, metrics, interfaces, users."""

import gzip
import ipaddress
import zlib
from typing import Any

import msgpack

from tests.kentik.packed import BrokenMessageError
from tests.kentik.reader import Flow, address, read_prefixed

LARGEST_NAMES_BYTES = 10_000_000
LONGEST_TEXT = 384


def flows(body: bytes, encoding: str | None) -> list[Flow]:
    """The records of a body; it may come as it is, but then must not say gzip."""
    if encoding not in (None, "gzip"):
        raise BrokenMessageError(f"content encoding {encoding!r}")
    try:
        return read_prefixed(gzip.decompress(body) if encoding else body)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise BrokenMessageError(f"body: {error}") from error


def check(listed: list[Flow], device_id: int) -> None:
    """What holds for every record of an agent."""
    for flow in listed:
        one_way = [flow[f"{way}{what}"] for way in ("in", "out") for what in ("Bytes", "Pkts")]
        faults = {
            "deviceId": flow["deviceId"] != device_id,
            "sampleAdj": not flow["sampleAdj"],
            "sampleRate": flow["sampleRate"] < 100,
            "packets": (flow["inPkts"] > 0) == (flow["outPkts"] > 0),
            "bytes": any(one_way[:2]) and any(one_way[2:]),
            "big": flow["big"] or flow["isMetric"],
            "appProtocol": flow["appProtocol"] not in (0, 1, 2, 3, 4, 9),
            "time": flow["timestamp"] or flow["timestampNano"],
            "text": any(
                kind == "strVal" and (value is None or len(value.encode()) > LONGEST_TEXT)
                for _, kind, value in flow.customs
            ),
        }
        if found := [name for name, is_so in faults.items() if is_so]:
            raise BrokenMessageError(f"record with wrong {', '.join(found)}: {flow}")
        flow.by_id()
        for _, kind, value in flow.customs:
            if kind == "addrVal":
                address(value)


def names(body: bytes) -> list[dict[str, Any]]:
    """DNS answers: MessagePack maps one behind the other."""
    if len(body) > LARGEST_NAMES_BYTES:
        raise BrokenMessageError(f"{len(body)} octets at once")
    reader = msgpack.Unpacker(raw=False, max_buffer_size=len(body) + 1)
    reader.feed(body)
    found = []
    try:
        found = list(reader)
    except (ValueError, msgpack.UnpackException) as error:
        raise BrokenMessageError(f"MessagePack: {error}") from error
    if reader.tell() != len(body):
        raise BrokenMessageError("the last map is not whole")
    for one in found:
        _check_name(one)
    return found


def _check_name(one: Any) -> None:
    try:
        question, answers = one["Question"], one["Answers"]
        is_right = set(one) == {"Question", "Answers"} and set(question) == {"Name", "Host"}
        is_right &= isinstance(question["Name"], str) and _is_address(question["Host"])
        for answer in answers:
            is_right &= set(answer) == {"Name", "CNAME", "IP", "TTL"} and _is_address(answer["IP"])
            is_right &= answer["Name"] == "" and answer["CNAME"] == "" and answer["TTL"] >= 0
    except (KeyError, TypeError) as error:
        raise BrokenMessageError(f"{one!r}: {error}") from error
    if not is_right:
        raise BrokenMessageError(f"{one!r}")


def _is_address(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) in (4, 16)


def metrics(told: Any) -> list[dict[str, Any]]:
    """Metrics: each with a name, a time in seconds, a positive whole value and tags."""
    for one in told:
        if set(one) != {"metric", "timestamp", "value", "tags"} or type(one["value"]) is not int:
            raise BrokenMessageError(f"metric {one!r}")
        if one["value"] <= 0 or not all(isinstance(value, str) for value in one["tags"].values()):
            raise BrokenMessageError(f"metric {one!r}")
    return list(told)


def interfaces(told: Any) -> dict[str, Any]:
    """Interfaces by name, each with its index as a string."""
    for name, one in told.items():
        if not isinstance(one["index"], str) or not one["index"].isdecimal() or one["desc"] != name:
            raise BrokenMessageError(f"interface {one!r}")
    return dict(told)


def populators(told: Any) -> dict[str, Any]:
    """Users and their addresses."""
    for one in told.get("upserts", []):
        for criterion in one["criteria"]:
            for text in criterion["addr"]:
                ipaddress.ip_network(text)
    return dict(told)
