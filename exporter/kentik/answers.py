"""DNS answers as Kentik takes them: a MessagePack map each, one behind the other, no array around them."""

from collections.abc import Iterator
from struct import Struct
from typing import Any

import msgpack
import numpy as np

from exporter.cells import decoded
from shared.elements import NO_U16, NO_U32
from shared.reasons import AppProtocol
from shared.record import Batch, octets, texts

# What the worker wrote of each address: 4 or 6, time to live, address (worker/decoders/dns.py).
TOLD = {4: Struct(">BI4s"), 6: Struct(">BI16s")}


def answers(batch: Batch) -> list[bytes]:
    """A map for each response that answered something: name, client, addresses with their time to live."""
    rows = batch.rows
    told = (rows["app_protocol"] == AppProtocol.DNS) & (rows["number1"] != NO_U32) & (rows["text1"] != NO_U16)
    (chosen,) = np.nonzero(told)
    if not len(chosen):
        return []
    names, packed = texts(batch, "text0", chosen), texts(batch, "text1", chosen)
    pack = msgpack.Packer().pack
    return [
        pack({"Question": {"Name": decoded(name or b""), "Host": host}, "Answers": list(_read(addresses))})
        for name, addresses, host in zip(names, packed, _clients(batch, chosen), strict=True)
        if addresses is not None and _is_packed(addresses)
    ]


def _is_packed(addresses: bytes) -> bool:
    """Not the text that a run before this one may have left in the spool."""
    return not addresses or addresses[0] in TOLD


def _clients(batch: Batch, chosen: np.ndarray[Any, Any]) -> list[bytes]:
    """Who asked, in 4 or 16 octets."""
    sixteen = octets(batch.rows[chosen], "src_addr").tobytes()
    skips = np.where(batch.rows["ip_version"][chosen] == 4, 12, 0).tolist()
    return [sixteen[16 * place + skip : 16 * place + 16] for place, skip in enumerate(skips)]


def _read(packed: bytes) -> Iterator[dict[str, Any]]:
    """Each address; it has neither name nor alias."""
    at = 0
    while at < len(packed) and (layout := TOLD.get(packed[at])) and at + layout.size <= len(packed):
        _, ttl, address = layout.unpack_from(packed, at)
        yield {"Name": "", "CNAME": "", "IP": address, "TTL": ttl}
        at += layout.size
