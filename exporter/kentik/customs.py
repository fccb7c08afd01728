"""Custom columns of records in kprobe's order: decoder's fields, FRAGMENTS, APP_PROTOCOL, tracker's (step 10).

Built a column at a time. A field that the device has no column for is skipped and named.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.kentik.columns import MARK
from exporter.kentik.device import Device
from exporter.kentik.exchanges import application_fields
from exporter.kentik.layout import Column
from exporter.kentik.sides import Sides
from exporter.kentik.values import Values, counted, latency, numbers, positive
from shared.elements import NO_U32
from shared.reasons import Speaker


@dataclass(frozen=True, slots=True)
class Customs:
    """Column ids with their values, in the order they stand in each record; names the device has no column of."""

    columns: list[tuple[int, Values]]
    missing: frozenset[str]


def customs(sides: Sides, spoken: Column, device: Device) -> Customs:
    """All columns that the records have; `spoken` is their appProtocol."""
    columns = device.columns
    found, missing = [], set()
    for values in _fields(sides, spoken, device):
        if not len(values.records):
            continue
        name = columns.name(values.field, values.protocol)
        if name in columns.ids:
            found.append((columns.ids[name], values))
        else:
            missing.add(name)
    return Customs(found, frozenset(missing))


def _fields(sides: Sides, spoken: Column, device: Device) -> Iterator[Values]:
    yield from application_fields(sides, device.services)
    yield positive("FRAGMENTS", sides.of_way("fragments"))
    if device.columns.are_shared:
        yield positive(MARK, spoken)
    yield from _tracker_fields(sides)


def _tracker_fields(sides: Sides) -> Iterator[Values]:
    """What the network does.

    The SYN-ACK's sender has the server's latency, the initiator the client's, who spoke second the first payload
    exchange; what is counted stands on the record of who sent it.
    """
    is_reverse = sides.is_reverse
    is_second = is_reverse == (sides.of_row("first_speaker") != Speaker.RESPONDER)
    yield positive("CONNECTION_ID", sides.of_row("connection_id"))
    yield latency("CLIENT_NW_LATENCY_MS", sides.of_row("client_latency_us"), ~is_reverse)
    yield latency("SERVER_NW_LATENCY_MS", sides.of_row("server_latency_us"), is_reverse)
    yield latency("FPEX_LATENCY_MS", sides.of_row("fpex_latency_us"), is_second)
    yield counted("RETRANSMITTED_OUT_PKTS", sides.of_way("retransmits"))
    yield counted("REPEATED_RETRANSMITS", sides.of_way("repeated_retransmits"))
    yield counted("OOORDER_IN_PKTS", sides.of_way("out_of_order"))
    window = sides.of_way("receive_window")
    yield numbers("RECEIVE_WINDOW", window, (window != NO_U32) & (sides.of_way("mss") != 0))
    yield counted("ZERO_WINDOWS", sides.of_way("zero_windows"))
