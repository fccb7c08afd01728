"""DNS answers as Kentik takes them: a MessagePack map each, one behind the other, no array around them."""

from collections.abc import Iterator
from functools import lru_cache

import msgpack
import numpy as np

from exporter.cells import decoded
from shared.elements import NO_U16, NO_U32
from shared.reasons import AppProtocol
from shared.record import Batch, octets, texts

ASKED_BY = b"\xa4Host"
ANSWERS = b"\xa7Answers"
BEGIN = b"\x82\xa8Question\x82\xa4Name"
ANSWER = b"\x84\xa4Name\xa0\xa5CNAME\xa0\xa2IP"
TTL = b"\xa3TTL"
SIZES = {4: 4, 6: 16}


def answers(batch: Batch) -> list[bytes]:
    """A map for each response that answered something: name, client, addresses with their time to live."""
    rows = batch.rows
    told = (rows["app_protocol"] == AppProtocol.DNS) & (rows["number1"] != NO_U32) & (rows["text1"] != NO_U16)
    (chosen,) = np.nonzero(told)
    if not len(chosen):
        return []
    names, packed = texts(batch, "text0", chosen), texts(batch, "text1", chosen)
    hosts, is_four = octets(rows[chosen], "src_addr"), rows["ip_version"][chosen] == 4
    return [
        BEGIN
        + _name(name or b"")
        + ASKED_BY
        + _binary(host[12:] if four else host)
        + ANSWERS
        + _listed(addresses)
        for name, addresses, host, four in zip(
            names, packed, map(bytes, hosts), is_four.tolist(), strict=True
        )
        if addresses is not None
    ]


@lru_cache(1 << 12)
def _name(raw: bytes) -> bytes:
    return bytes(msgpack.packb(decoded(raw)))


@lru_cache(1 << 12)
def _listed(packed: bytes) -> bytes:
    """The array of answers: none of them has a name or an alias."""
    found = [ANSWER + _binary(address) + TTL + msgpack.packb(ttl) for address, ttl in _read(packed)]
    return bytes(msgpack.Packer().pack_array_header(len(found))) + b"".join(found)


def _read(packed: bytes) -> Iterator[tuple[bytes, int]]:
    """(address, TTL) of each tag, TTL and address that the worker wrote (worker/decoders/dns.py)."""
    at = 0
    while at + 5 <= len(packed):
        size = SIZES[packed[at]]
        yield packed[at + 5 : at + 5 + size], int.from_bytes(packed[at + 1 : at + 5])
        at += 5 + size


def _binary(octets_: bytes) -> bytes:
    return b"\xc4" + bytes([len(octets_)]) + octets_
