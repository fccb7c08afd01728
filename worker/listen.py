"""Kernel: which payloads are read, and by which decoder: port first, a look at the first octets second (step 5)."""

import numpy as np

from shared.reasons import AppBy, AppProtocol
from shared.vitals import INDEX
from worker.asked import NOBODY, ask, find_question, tag_of
from worker.decode_transport import TCP, UDP
from worker.decoders.cells import clear
from worker.decoders.dhcp import read_dhcp
from worker.decoders.quic import looks_like_quic_initial
from worker.decoders.radius import read_radius
from worker.dialogs.dns import hear_dns
from worker.jit import called, inlined
from worker.octets import Int, Octets
from worker.report import tell
from worker.rows import DECODER_OFF, DECODER_UNKNOWN
from worker.services import TCP_PORTS, UDP_PORTS
from worker.stream import hear_segment

SHEDDING, MESSAGES_SHED, LETTERS = INDEX["shedding"], INDEX["messages_shed"], INDEX["letters"]
DNS, DHCP, RADIUS, QUIC = (int(AppProtocol[n]) for n in ("DNS", "DHCP", "RADIUS", "QUIC"))
PORT, PAYLOAD = int(AppBy.PORT), int(AppBy.PAYLOAD)
REQUEST, REPLY = 1, 2
FIRST_ADDRESS, ADDRESSES_DHCP, ADDRESSES_RADIUS = (
    2,
    3,
    2,
)  # cells of kind ipv4 (shared/application_elements.py)


@inlined
def choose_decoder(t: Int, row: Int, p: Int) -> None:
    """By the lower port, else the higher; without one a TCP stream and a UDP flow's first datagram are looked at."""
    flow = t.flows[row]
    flow.decoder = DECODER_OFF
    t.cold[row].by = PORT
    if not t.decode or p.proto not in (TCP, UDP):
        return
    way = TCP_PORTS if p.proto == TCP else UDP_PORTS
    flow.decoder = t.ports[way, min(p.src_port, p.dst_port)]
    if flow.decoder == DECODER_UNKNOWN:
        flow.decoder = t.ports[way, max(p.src_port, p.dst_port)]


@inlined
def hear(buf: Octets, t: Int, row: Int, p: Int) -> None:
    """A packet with payload in a flow that may speak a protocol we read."""
    if t.words[SHEDDING]:
        t.words[MESSAGES_SHED] += 1
    elif p.proto == TCP:
        hear_segment(buf, t, row, p)
    else:
        hear_datagram(buf, t, row, p)


@called
def hear_datagram(buf: Octets, t: Int, row: Int, p: Int) -> None:
    """One UDP datagram, one message."""
    flow = t.flows[row]
    at = p.at + p.payload_at
    end = min(at + p.payload, p.end)
    if flow.decoder == DNS:
        hear_dns(t, row, p, buf, at, end, p.time_ns, p.time_ns)
    elif flow.decoder in (DHCP, RADIUS):
        hear_exchange(t, row, p, buf, at, end)
    elif looks_like_quic_initial(buf, at, end):
        if flow.decoder != QUIC:
            flow.decoder = QUIC
            t.cold[row].by = PAYLOAD
        if t.words[LETTERS] < len(t.letters):
            t.letters[t.words[LETTERS]] = p
            t.words[LETTERS] += 1
    elif flow.decoder == DECODER_UNKNOWN:
        flow.decoder = DECODER_OFF


@called
def hear_exchange(t: Int, row: Int, p: Int, buf: Octets, at: Int, end: Int) -> None:
    """DHCP or RADIUS: each message makes a record, a reply with the time since its request.

    A DHCP reply may take another flow than its request, so only xid and MAC join them.
    """
    x, decoder = t.exchange[0], t.flows[row].decoder
    clear(x)
    kind = read_dhcp(buf, at, end, x, t.out) if decoder == DHCP else read_radius(buf, at, end, x, t.out)
    if kind not in (REQUEST, REPLY):
        return
    of_flow = decoder == RADIUS
    tag = tag_of(p.hash if of_flow else 0, p.key if of_flow else np.uint64(0), decoder, x.ident)
    question = find_question(t, tag) if kind == REPLY else NOBODY
    if question != NOBODY:
        complete_addresses(x, t.asked[question], decoder)
    tell(t, row, x, question, p.time_ns)
    if kind == REQUEST:
        ask(t, tag, x, p.time_ns, True)


@inlined
def complete_addresses(x: Int, entry: Int, decoder: Int) -> None:
    """The addresses a reply does not have itself are its request's; what they are not is 0."""
    for cell in range(
        FIRST_ADDRESS, FIRST_ADDRESS + (ADDRESSES_DHCP if decoder == DHCP else ADDRESSES_RADIUS)
    ):
        if x.numbers[cell] == 0:
            x.numbers[cell] = np.int64(entry.numbers[cell])
