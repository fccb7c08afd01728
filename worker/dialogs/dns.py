"""Kernel: DNS queries and responses, joined by their id, over UDP and TCP (step 5)."""

import numpy as np

from shared.reasons import AppProtocol
from worker.asked import ask, find_question, tag_of
from worker.decoders.cells import clear
from worker.decoders.dns import NOT_DNS, QUERY, RESPONSE, read_dns
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16
from worker.report import tell

DNS = int(AppProtocol.DNS)
PREFIX, HEADER = 2, 12  # RFC 1035 sections 4.2.2 and 4.1.1
MORE, NOT = 0, -1


@called
def hear_dns(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, time_ns: Int) -> Int:
    """One message: what read_dns says it is."""
    x, cold = t.exchange[0], t.cold[row]
    clear(x)
    kind = read_dns(data, at, end, x, t.out)
    if kind == NOT_DNS:
        return kind
    tag = tag_of(p.hash, p.key, DNS, x.ident)
    if kind == QUERY:
        ask(t, tag, x, time_ns)
        cold.answered = x.ident
        cold.asked = x.ident ^ 1  # the last query waits: one a port is what most clients do
    elif kind == RESPONSE:
        if np.int64(cold.answered) == x.ident:
            cold.asked = cold.answered
        tell(t, row, x, find_question(t, tag), time_ns)
    return kind


@inlined
def hear_dns_stream(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, time_ns: Int) -> Int:
    """A message behind its length: octets of both, MORE or NOT. One too long to gather is read as far as it came."""
    if at + PREFIX > end:
        return NOT if cut else MORE
    size = be16(data, at)
    if size < HEADER:
        return NOT
    if at + PREFIX + size > end and not cut:
        return MORE
    kind = hear_dns(t, row, p, data, at + PREFIX, min(at + PREFIX + size, end), time_ns)
    return PREFIX + size if kind != NOT_DNS else np.int64(NOT)
