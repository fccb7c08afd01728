"""Leaves out the flows of our own delivery: between both ends of a connection that we opened."""

import ipaddress
from collections.abc import Iterable

import numpy as np

from exporter.kentik.client import End
from exporter.kentik.layout import Column
from shared.record import Batch, octets


def is_own(batch: Batch, ends: Iterable[End]) -> Column:
    """Which rows are flows of our own connections, whichever end is called the initiator."""
    own = np.zeros(len(batch.rows), bool)
    for here, here_port, there, there_port in ends:
        own |= _is_between(batch, (here, here_port), (there, there_port))
        own |= _is_between(batch, (there, there_port), (here, here_port))
    return own


def _is_between(batch: Batch, source: tuple[str, int], target: tuple[str, int]) -> Column:
    rows = batch.rows
    found: Column = (rows["src_port"] == source[1]) & (rows["dst_port"] == target[1])
    for name, (address, _port) in (("src_addr", source), ("dst_addr", target)):
        if found.any():
            found[found] = (octets(rows[found], name) == _sixteen(address)).all(axis=1)
    return found


def _sixteen(address: str) -> Column:
    """The address as a row has it: an IPv4 address in the last four octets."""
    packed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(packed, "ipv4_mapped", None) or packed
    return np.frombuffer(mapped.packed.rjust(16, b"\0"), np.uint8)
