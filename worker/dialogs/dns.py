"""Kernel: DNS queries and responses, joined by their id, over UDP and TCP (step 5)."""

import numpy as np

from shared.reasons import AppProtocol
from worker.asked import NOBODY, answered, ask, find_question, tag_of
from worker.decoders.cells import clear
from worker.decoders.dns import NOT_DNS, QUERY, RESPONSE, read_dns
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, octet
from worker.report import tell

DNS = int(AppProtocol.DNS)
PREFIX, HEADER = 2, 12  # RFC 1035 sections 4.2.2 and 4.1.1
OPCODE_AND_ZERO = 0x7840  # RFC 1035 section 4.1.1: 0 in the messages worth a guess
RESPONSE_BIT = 0x80
MORE, NOT = 0, -1


@called
def hear_dns(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, first_ns: Int, last_ns: Int) -> Int:
    """One message: what read_dns says it is."""
    x, cold = t.exchange[0], t.cold[row]
    clear(x)
    kind = read_dns(data, at, end, x, t.out)
    if kind == NOT_DNS:
        return kind
    tag = tag_of(p.hash, p.key, DNS, x.ident)
    if kind == QUERY:
        ask(t, tag, x, last_ns, True)
        cold.answered = x.ident
        cold.asked = x.ident ^ 1  # the last query waits: one a port is what most clients do
    elif kind == RESPONSE:
        if np.int64(cold.answered) == x.ident:
            cold.asked = cold.answered
        hear_response(t, row, tag, x, first_ns)
    return kind


@inlined
def hear_response(t: Int, row: Int, tag: Int, x: Int, time_ns: Int) -> None:
    """A response makes a record, with or without its query; the same once more, sent or captured again, does not."""
    question = find_question(t, tag)
    if question == NOBODY and find_question(t, answered(tag)) != NOBODY:
        return
    tell(t, row, x, question, time_ns)
    if question != NOBODY:
        t.asked[question].tag = answered(tag)


@inlined
def hear_dns_stream(
    t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, first_ns: Int, last_ns: Int
) -> Int:
    """A message behind its length: octets of both, MORE or NOT. One too long to gather is read as far as it came."""
    if at + PREFIX > end:
        return NOT if cut else MORE
    size = be16(data, at)
    if size < HEADER:
        return NOT
    if at + PREFIX + size > end and not cut:
        return MORE
    kind = hear_dns(t, row, p, data, at + PREFIX, min(at + PREFIX + size, end), first_ns, last_ns)
    return PREFIX + size if kind != NOT_DNS else np.int64(NOT)


@inlined
def may_be_dns(data: Octets, at: Int, end: Int) -> bool:
    """Whether a query or a response with one question may begin here, somewhere in a stream."""
    if at + PREFIX + HEADER > end or be16(data, at) < HEADER or be16(data, at + 4) & OPCODE_AND_ZERO:
        return False
    is_query = octet(data, at + 4) < RESPONSE_BIT
    return be16(data, at + 6) == 1 and not (is_query and be16(data, at + 8) != 0)
