"""Kernel: where in a TCP stream the next message begins, so that only heads are read and bodies cost nothing (step 5).

Per direction TRACK.head is the sequence number of the next head. A head that comes in several segments is gathered in
a slab, late and early segments put in their places. Where octets are missing, the next segment that looks like a head
is the next head.
"""

import numpy as np

from shared.reasons import AppBy, AppProtocol
from worker.decode_transport import SYN
from worker.decoders.http import looks_like_request, looks_like_response
from worker.decoders.postgres import looks_like_startup
from worker.decoders.tls import HANDSHAKE, looks_like_tls
from worker.dialogs.dns import hear_dns_stream
from worker.dialogs.http import hear_http
from worker.dialogs.postgres import hear_postgres
from worker.dialogs.questions import forget_questions
from worker.dialogs.tls import hear_tls
from worker.jit import called, inlined
from worker.layout import SLAB_BYTES
from worker.octets import Int, Octets, octet
from worker.rows import DECODER_UNKNOWN, PHASE_HEADS, PHASE_OFF, PHASE_SEEK, PHASE_START
from worker.slabs import NO_SLAB, add_to_slab, drop_slab, open_slab, slab_of
from worker.tcp import HEAD_KNOWN, WORD, distance

MORE, NOT = 0, -1
DNS, HTTP, TLS, POSTGRES = (int(AppProtocol[n]) for n in ("DNS", "HTTP", "TLS", "POSTGRES"))
PAYLOAD = int(AppBy.PAYLOAD)
LOOK_OCTETS = 8
LETTER_A, LETTER_Z = ord("A"), ord("Z")  # of methods, and of HTTP
LOOK_PACKETS = 32  # of a direction; behind them a stream that no port names is left alone


@inlined
def hear_segment(buf: Octets, t: Int, row: Int, p: Int) -> None:
    """Read what begins in this segment, or in the slab it completes."""
    own = t.tracks[row, p.high]
    at = p.at + p.payload_at
    end = min(at + p.payload, p.end)
    if own.phase == PHASE_OFF or end <= at:
        return
    begin = (p.sequence + (1 if p.tcp_flags & SYN else 0)) & WORD
    if own.phase == PHASE_SEEK and not own.marks & HEAD_KNOWN:
        if not may_be_head(t, row, p, buf, at, end):
            return
        own.head = begin
    offset = distance(np.int64(own.head), begin)
    if offset >= p.payload:
        return  # a body, or octets read before
    slab = slab_of(t, row, p.high)
    if slab == NO_SLAB and offset < 0:
        if looks_like_head(buf, at, end):
            own.head = begin
            offset = np.int64(0)
        else:
            slab = open_slab(t, row, p.high, p.time_ns)
    if slab == NO_SLAB:
        read_on(buf, t, row, p, begin, at + offset)
    elif add_to_slab(t, slab, -offset, buf, at, end) > 0:
        read_on(buf, t, row, p, begin, NO_SLAB)
    elif -offset >= SLAB_BYTES:
        lose(t, row, p)


@called
def read_on(buf: Octets, t: Int, row: Int, p: Int, begin: Int, at: Int) -> None:
    """Read message behind message, first what is in the slab where `at` is NO_SLAB, then from buf[at] on."""
    own = t.tracks[row, p.high]
    first = p.at + p.payload_at
    end = min(first + p.payload, p.end)
    while at < end:
        slab = slab_of(t, row, p.high)
        data, start, stop, time_ns, cut = buf, at, end, p.time_ns, end < first + p.payload
        if slab != NO_SLAB:
            data, start = t.slab_view, slab * SLAB_BYTES
            stop = start + np.int64(t.slabs[slab].have)
            time_ns, cut = t.slabs[slab].time_ns, np.int64(t.slabs[slab].have) == SLAB_BYTES
        octets = read_message(t, row, p, data, start, stop, cut, time_ns)
        if octets == MORE and not cut:
            if slab == NO_SLAB:
                gather(buf, t, row, p, at, end)
            return
        if octets <= 0:
            lose(t, row, p)
            return
        own.head = (np.int64(own.head) + octets) & WORD
        drop_slab(t, row, p.high)
        offset = distance(np.int64(own.head), begin)
        if own.phase == PHASE_OFF or offset < 0:
            return
        at = first + offset


@called
def gather(buf: Octets, t: Int, row: Int, p: Int, at: Int, end: Int) -> None:
    """Keep the beginning of a message until the rest comes."""
    slab = open_slab(t, row, p.high, p.time_ns)
    add_to_slab(t, slab, 0, buf, at, end)
    t.tracks[row, p.high].marks |= HEAD_KNOWN


@called
def lose(t: Int, row: Int, p: Int) -> None:
    """What is at the head is no message: look at the beginnings of the segments to come."""
    own = t.tracks[row, p.high]
    drop_slab(t, row, p.high)
    own.phase = PHASE_SEEK
    own.marks &= ~HEAD_KNOWN & 0xFFFF


@inlined
def may_be_head(t: Int, row: Int, p: Int, buf: Octets, at: Int, end: Int) -> bool:
    """Whether a segment in the middle of a stream is worth a closer look: most are not, and cost one octet."""
    flow, first = t.flows[row], octet(buf, at)
    if flow.decoder in (DNS, POSTGRES):
        return True
    if flow.decoder == DECODER_UNKNOWN and t.sides[row, p.high].lifetime > LOOK_PACKETS:
        t.tracks[row, p.high].phase = PHASE_OFF
        return False
    return (first == HANDSHAKE or LETTER_A <= first <= LETTER_Z) and looks_like_head(buf, at, end)


@called
def looks_like_head(buf: Octets, at: Int, end: Int) -> bool:
    """Whether a message that can be told by its first octets begins here."""
    is_http = looks_like_response(buf, at, end) or looks_like_request(buf, at, end)
    return bool(is_http or looks_like_tls(buf, at, end))


@called
def recognise(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int) -> Int:
    """What the stream speaks: its port's protocol, unless the first octets are another's; 1, MORE or NOT."""
    flow, own = t.flows[row], t.tracks[row, p.high]
    if end - at < LOOK_OCTETS and not cut and flow.decoder == DECODER_UNKNOWN:
        return MORE
    found = np.int64(flow.decoder)
    if looks_like_tls(data, at, end):
        found = np.int64(TLS)
    elif looks_like_response(data, at, end) or looks_like_request(data, at, end):
        found = np.int64(HTTP)
    elif looks_like_startup(data, at, end):
        found = np.int64(POSTGRES)
    elif found == DECODER_UNKNOWN or (found == TLS and end - at >= LOOK_OCTETS):
        return NOT
    if found != flow.decoder:
        forget_questions(t, row)
        flow.decoder = found
        flow.by = PAYLOAD
    is_start = found == POSTGRES and looks_like_startup(data, at, end)
    own.phase = PHASE_START if is_start else PHASE_HEADS
    return 1


@called
def read_message(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, time_ns: Int) -> Int:
    """The message at `at`: how far behind it the next begins, MORE or NOT."""
    if t.tracks[row, p.high].phase == PHASE_SEEK:
        known = recognise(t, row, p, data, at, end, cut)
        if known <= 0:
            return known
    decoder = t.flows[row].decoder
    if decoder == HTTP:
        return hear_http(t, row, p, data, at, end, cut, time_ns)
    if decoder == TLS:
        return hear_tls(t, row, p, data, at, end, cut, time_ns)
    if decoder == DNS:
        return hear_dns_stream(t, row, p, data, at, end, cut, time_ns)
    if decoder == POSTGRES:
        return hear_postgres(t, row, p, data, at, end, cut, time_ns)
    return np.int64(NOT)
