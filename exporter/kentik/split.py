"""Fills the fixed part of Kentik's records from one direction of a row each (step 10).

A record counts as `in` what came to this host's interface, and as `out` all else: what left it, and what passes by.
"""

from dataclasses import dataclass

import numpy as np

from exporter.kentik.layout import APP_PROTOCOL_DEFAULT, SAMPLE_ADJUSTED, Column, Records
from exporter.kentik.services import by_port, sent
from exporter.kentik.sides import Sides
from shared.elements import NO_U16
from shared.reasons import Direction

ICMP = 1
ECHO_REQUEST, ECHO_REPLY = 0x0800, 0x0000
TURNED = np.array([Direction.UNKNOWN, Direction.OUT, Direction.IN], np.uint8)
LARGEST_U32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one batch on their way into a message.

    `rate`: how many flows each stands for, times 100 (a rate limit makes it more than the batch's sample rate).
    `index`: the interface's number at Kentik, where it is not the tail of its MAC.
    """

    sides: Sides
    rate: int
    index: int | None = None


def part(sides: Sides, *, kept: float = 1.0, index: int | None = None) -> Part:
    """The records at their batch's sample rate; `kept`: the share that a rate limit left of them."""
    rate = round(max(1, sides.batch.sample_rate) * 100 / kept)
    return Part(sides, min(rate, LARGEST_U32), index)


def applications(sides: Sides, classes: Column) -> Column:
    """What each record says in appProtocol."""
    by_ports = by_port(classes, sides.of_row("proto"), sides.of_row("src_port"), sides.of_row("dst_port"))
    return sent(sides.of_row("app_protocol"), by_ports)


def fill(records: Records, part: Part, device_id: int, spoken: Column) -> None:
    """Write the fixed fields of `part` into `records`, which are zero; `spoken` is their appProtocol."""
    sides = part.sides
    records["protocol"] = sides.of_row("proto")
    records["tos"] = _present(sides.of_way("tos"))
    records["tcpFlags"] = _present(sides.of_way("tcp_flags"))
    records["sampleRate"] = part.rate
    records["flags"] = SAMPLE_ADJUSTED
    records["deviceId"] = device_id
    records["appProtocol"] = spoken.astype(np.uint32) ^ np.uint32(APP_PROTOCOL_DEFAULT)
    _fill_ends(records, sides)
    _fill_counters(records, part)


def _fill_ends(records: Records, sides: Sides) -> None:
    is_four = sides.of_row("ip_version") == 4
    records["ipv4SrcAddr"] = np.where(is_four, _ipv4(sides.paired("src_addr_tail", "dst_addr_tail")), 0)
    records["ipv4DstAddr"] = np.where(is_four, _ipv4(sides.paired("dst_addr_tail", "src_addr_tail")), 0)
    records["l4SrcPort"] = sides.paired("src_port", "dst_port")
    records["l4DstPort"] = sides.paired("dst_port", "src_port")
    (echoed,) = np.nonzero(records["protocol"] == ICMP)
    if len(echoed):
        records["l4SrcPort"][echoed] = 0
        records["l4DstPort"][echoed] = _icmp(sides.take(echoed))


def _fill_counters(records: Records, part: Part) -> None:
    sides = part.sides
    src_mac, dst_mac = sides.paired("src_mac", "dst_mac"), sides.paired("dst_mac", "src_mac")
    records["srcEthMac"], records["dstEthMac"] = src_mac, dst_mac
    came = _way(sides) == Direction.IN
    index = np.where(came, dst_mac, src_mac) & np.uint64(0xFFFF) if part.index is None else part.index
    packets, octets, vlan = sides.of_way("packets"), sides.of_way("bytes"), _innermost_vlan(sides)
    for is_it, names in (
        (came, ("inPkts", "inBytes", "inputPort", "vlanIn")),
        (~came, ("outPkts", "outBytes", "outputPort", "vlanOut")),
    ):
        for name, column in zip(names, (packets, octets, index, vlan), strict=True):
            records[name] = np.where(is_it, column, 0)


def _present(column: Column) -> Column:
    """0 where the row has none."""
    return np.where(column == NO_U16, 0, column)


def _ipv4(tail: Column) -> Column:
    """The last four octets of addresses as numbers, first octet most significant."""
    return (tail.astype("<u8") >> np.uint64(32)).astype(np.uint32).byteswap()


def _way(sides: Sides) -> Column:
    """Direction of each record as this host sees it: a row's reverse goes the other way."""
    way = np.minimum(sides.of_row("direction"), Direction.OUT)
    return np.where(sides.is_reverse, TURNED[way], way)


def _innermost_vlan(sides: Sides) -> Column:
    inner = sides.of_row("inner_vlan")
    return np.where(inner == 0, sides.of_row("vlan"), inner)


def _icmp(sides: Sides) -> Column:
    """Type and code as a port: an echo's other direction is its reply, all else is as its flow began."""
    first = _present(sides.of_row("icmp_type")).astype(np.uint32) << 8 | _present(sides.of_row("icmp_code"))
    answer = np.where(first == ECHO_REQUEST, ECHO_REPLY, np.where(first == ECHO_REPLY, ECHO_REQUEST, first))
    return np.where(sides.is_reverse, answer, first)
