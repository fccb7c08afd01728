"""Kernel: where in a TCP stream the next message begins, so that only heads are read and bodies cost nothing (step 5).

Per direction TRACK.head is the sequence number of the next head. A head that comes in several segments is gathered in
a slab, late and early segments put in their places. Octets that are still missing when the other end has acknowledged
them, or do not come in time, were not captured: what stands before them is read as cut off, and the next segment that
may begin a message is the next head.
"""

import numpy as np

from shared.reasons import AppBy, AppProtocol
from worker.decode_transport import ACK, SYN
from worker.decoders.http import VERSION_OCTETS, looks_like_request, looks_like_response
from worker.decoders.http_lines import CR, LF
from worker.decoders.postgres import looks_like_startup
from worker.decoders.tls import ALERT, HANDSHAKE, looks_like_tls, pass_warnings
from worker.dialogs.dns import hear_dns_stream, may_be_dns
from worker.dialogs.http import hear_http
from worker.dialogs.postgres import hear_postgres, is_whole_postgres, may_be_postgres
from worker.dialogs.questions import forget_questions, miss_answer
from worker.dialogs.tls import hear_tls
from worker.hopes import note_hope
from worker.hot_row import side_at, track_at
from worker.jit import called, inlined
from worker.layout import SLAB_BYTES
from worker.octets import Int, Octets, octet
from worker.rows import DECODER_UNKNOWN, PHASE_HEADS, PHASE_OFF, PHASE_SEEK, PHASE_START
from worker.slabs import (
    NO_SLAB,
    PATIENCE_NS,
    add_to_slab,
    drop_slab,
    fits,
    open_slab,
    pass_gap,
    pass_octets,
    seek,
    slab_of,
)
from worker.tcp import HEAD_KNOWN, MISSED, STARTED, WORD, distance

MORE, NOT = 0, -1
DNS, HTTP, TLS, POSTGRES = (int(AppProtocol[n]) for n in ("DNS", "HTTP", "TLS", "POSTGRES"))
PAYLOAD = int(AppBy.PAYLOAD)
LOOK_OCTETS = 8
LETTER_A, LETTER_Z = ord("A"), ord("Z")  # of methods, and of HTTP
OVERTAKEN_MOST = 1 << 20  # octets: more are not under way at once
LOOK_PACKETS = 32  # of a direction; behind them a stream that no port names is left alone


@inlined
def hear_segment(buf: Octets, t: Int, row: Int, p: Int) -> None:
    """Read what begins in this segment, or in the slab it completes; most segments are the middle of a body."""
    own, other = t.tracks[track_at(row, p.high)], t.tracks[track_at(row, 1 - p.high)]
    at = p.at + p.payload_at
    end = min(at + p.payload, p.end)
    if own.phase == PHASE_OFF or end <= at:
        return
    if other.slab or distance(p.acknowledged, np.int64(other.head)) > 0:
        catch_up_there(t, row, p)
        if own.phase == PHASE_OFF:
            return
    slab_of(t, row, p.high)  # it may have been taken meanwhile
    begin = (p.sequence + (1 if p.tcp_flags & SYN else 0)) & WORD
    if is_lost(own) and not is_found(t, row, p, buf, at, end, begin):
        return
    if distance(np.int64(own.head), begin) < p.payload:
        hear_part(buf, t, row, p, begin, at, end)


@inlined
def is_lost(own: Int) -> bool:
    """Nobody knows where the next message begins."""
    return own.phase == PHASE_SEEK and not own.marks & HEAD_KNOWN


@inlined
def is_found(t: Int, row: Int, p: Int, buf: Octets, at: Int, end: Int, begin: Int) -> bool:
    """Whether a message may begin with this segment: then this is the head."""
    own = t.tracks[track_at(row, p.high)]
    if t.flows[row].decoder == DECODER_UNKNOWN and t.sides[side_at(row, p.high)].lifetime > LOOK_PACKETS:
        own.phase = PHASE_OFF
        return False
    if not may_be_head(t, row, p, buf, at, end):
        return False
    own.head = begin
    own.marks |= HEAD_KNOWN
    return True


@called
def hear_part(buf: Octets, t: Int, row: Int, p: Int, begin: Int, at: Int, end: Int) -> None:
    """A segment that reaches behind the head: read it, or put it where it belongs."""
    own = t.tracks[track_at(row, p.high)]
    offset = distance(np.int64(own.head), begin)
    if offset < 0 and not fits(t, slab_of(t, row, p.high), -offset, end - at, p.time_ns):
        offset = pass_gaps(buf, t, row, p, begin, at, end)
        if offset >= p.payload:
            return
    slab = slab_of(t, row, p.high)
    if slab == NO_SLAB:
        if offset >= 0:
            read_on(buf, t, row, p, begin)
            return
        slab = open_slab(t, row, p.high)
    grown = add_to_slab(t, slab, p, -offset, buf, at, end)
    if offset < 0 and may_be_head(t, row, p, buf, at, end):
        note_hope(t, slab, p, -offset)
    if grown > 0:
        read_on(buf, t, row, p, begin)


@called
def pass_gaps(buf: Octets, t: Int, row: Int, p: Int, begin: Int, at: Int, end: Int) -> Int:
    """The segment lies behind too much that is missing: where in it the head is then, its end or more for nowhere."""
    if may_come_yet(t, row, p, begin) and not may_be_head(t, row, p, buf, at, end):
        return np.int64(p.payload)
    give_up(t, row, p)
    own = t.tracks[track_at(row, p.high)]
    if own.phase == PHASE_OFF:
        return np.int64(p.payload)
    offset = distance(np.int64(own.head), begin)
    if not is_lost(own) and (offset >= 0 or fits(t, slab_of(t, row, p.high), -offset, end - at, p.time_ns)):
        return offset
    lose(t, row, p.high)
    return np.int64(0 if is_found(t, row, p, buf, at, end, begin) else p.payload)


@inlined
def may_come_yet(t: Int, row: Int, p: Int, begin: Int) -> bool:
    """Whether what is missing may only have been overtaken: where both ends are heard, acknowledgements settle it."""
    own, slab = t.tracks[track_at(row, p.high)], slab_of(t, row, p.high)
    if (
        not t.tracks[track_at(row, 1 - p.high)].marks & STARTED
        or distance(begin, np.int64(own.head)) > OVERTAKEN_MOST
    ):
        return False
    return slab == NO_SLAB or t.slabs[slab].island_end == 0 or p.time_ns - t.slabs[slab].gap_ns < PATIENCE_NS  # type: ignore[no-any-return]


@called
def catch_up_there(t: Int, row: Int, p: Int) -> None:
    """The other end's octets that this segment acknowledges will not be seen any more, if they are missing."""
    there = 1 - p.high
    other = t.tracks[track_at(row, there)]
    if other.phase == PHASE_OFF:
        drop_slab(t, row, there)
        return
    if not p.tcp_flags & ACK:
        return
    p.high = there
    while is_behind(t, row, p):
        give_up(t, row, p)  # comes to the next gap, or to none
    p.high = 1 - there


@inlined
def is_behind(t: Int, row: Int, p: Int) -> bool:
    """Whether the other end has acknowledged octets of this side that are missing."""
    own, slab = t.tracks[track_at(row, p.high)], slab_of(t, row, p.high)
    if own.phase == PHASE_OFF or is_lost(own):
        return False
    gathered = np.int64(own.head)
    if slab != NO_SLAB:
        gathered += np.int64(t.slabs[slab].have) - np.int64(t.slabs[slab].skip)
    return distance(p.acknowledged, gathered & WORD) > 0  # type: ignore[no-any-return]


@called
def give_up(t: Int, row: Int, p: Int) -> None:
    """What is missing will not come: read what stands before it as cut off, then go on at the hope behind it."""
    acknowledged, slab = p.acknowledged, slab_of(t, row, p.high)
    if slab == NO_SLAB:
        miss_message(t, row, p, p.high)
        lose(t, row, p.high)
        return
    if read_torn(t, row, p, slab):
        read_slab(t, row, p)
    p.acknowledged = acknowledged


@called
def read_torn(t: Int, row: Int, p: Int, slab: Int) -> bool:
    """The message before the gap; whether the slab goes on behind it."""
    own, holder, octets = t.tracks[track_at(row, p.high)], t.slabs[slab], np.int64(NOT)
    start, stop = slab * SLAB_BYTES + np.int64(holder.skip), slab * SLAB_BYTES + np.int64(holder.have)
    if stop > start:
        p.acknowledged = np.int64(holder.heard)
        octets = read_message(t, row, p, t.slab_view, start, stop, True, holder.time_ns, holder.last_ns)
    if octets > 0:
        own.head = (np.int64(own.head) + octets) & WORD
        pass_octets(t, row, p.high, octets)
        if own.phase == PHASE_OFF or slab_of(t, row, p.high) == NO_SLAB:
            drop_slab(t, row, p.high)
            return False
    if octets <= 0 or is_lost(own) or holder.skip == holder.have:
        miss_message(t, row, p, p.high)
        onward = pass_gap(t, slab)
        if onward == 0:
            lose(t, row, p.high)
            return False
        own.head = (np.int64(own.head) + onward) & WORD
        own.phase = PHASE_SEEK
        own.marks |= HEAD_KNOWN | MISSED
    return True


@called
def read_slab(t: Int, row: Int, p: Int) -> None:
    """Read message behind message of what the slab has without a gap."""
    own = t.tracks[track_at(row, p.high)]
    while own.phase != PHASE_OFF and not is_lost(own):
        slab = slab_of(t, row, p.high)
        if slab == NO_SLAB:
            return
        holder = t.slabs[slab]
        skip, have = np.int64(holder.skip), np.int64(holder.have)
        if skip == have:
            return
        p.acknowledged = np.int64(holder.heard)
        data, base, cut = t.slab_view, slab * SLAB_BYTES, have - skip == SLAB_BYTES
        octets = read_message(t, row, p, data, base + skip, base + have, cut, holder.time_ns, holder.last_ns)
        if octets == MORE and not cut:
            return
        if octets <= 0:
            lose(t, row, p.high)
            return
        own.head = (np.int64(own.head) + octets) & WORD
        pass_octets(t, row, p.high, octets)
    drop_slab(t, row, p.high)


@called
def read_on(buf: Octets, t: Int, row: Int, p: Int, begin: Int) -> None:
    """Read message behind message, first what is in the slab, then in the segment."""
    own = t.tracks[track_at(row, p.high)]
    first = p.at + p.payload_at
    end = min(first + p.payload, p.end)
    is_cut = end < first + p.payload
    while own.phase != PHASE_OFF and not is_lost(own):
        at = first + distance(np.int64(own.head), begin)
        slab = slab_of(t, row, p.high)
        data, start, stop, time_ns, cut = buf, at, end, p.time_ns, is_cut
        if slab != NO_SLAB:
            holder = t.slabs[slab]
            skip, have = np.int64(holder.skip), np.int64(holder.have)
            if at >= first and holder.island_end == 0 and at + have - skip <= end:
                drop_slab(t, row, p.high)  # the rest is in the segment too
                continue
            data, start, stop = t.slab_view, slab * SLAB_BYTES + skip, slab * SLAB_BYTES + have
            time_ns, cut = holder.time_ns, have - skip == SLAB_BYTES or (is_cut and at + have - skip == end)
        if start >= stop:
            return
        octets = read_message(t, row, p, data, start, stop, cut, time_ns, p.time_ns)
        if octets == MORE and not cut:
            if slab == NO_SLAB:
                gather(buf, t, row, p, at, end)
            return
        if octets <= 0:
            lose(t, row, p.high)
            return
        own.head = (np.int64(own.head) + octets) & WORD
        pass_octets(t, row, p.high, octets)
    drop_slab(t, row, p.high)


@called
def gather(buf: Octets, t: Int, row: Int, p: Int, at: Int, end: Int) -> None:
    """Keep the beginning of a message until the rest comes."""
    add_to_slab(t, open_slab(t, row, p.high), p, np.int64(0), buf, at, end)


@called
def miss_message(t: Int, row: Int, p: Int, side: Int) -> None:
    """The octets at the head of this side are missing; if an answer was to begin there, it is not waited for."""
    own = t.tracks[track_at(row, side)]
    if t.flows[row].decoder == HTTP and own.phase in (PHASE_SEEK, PHASE_HEADS) and not is_lost(own):
        miss_answer(t, row, p, side)


@called
def lose(t: Int, row: Int, side: Int) -> None:
    """What is at the head is no message."""
    drop_slab(t, row, side)
    seek(t.tracks[track_at(row, side)])


@inlined
def may_be_head(t: Int, row: Int, p: Int, buf: Octets, at: Int, end: Int) -> bool:
    """Whether a segment may begin a message: most do not, and cost a look at one octet."""
    decoder, first = t.flows[row].decoder, octet(buf, at)
    if decoder == DNS and may_be_dns(buf, at, end):
        return True
    if decoder == POSTGRES and may_be_postgres(t, row, p, buf, at, end):
        return True
    return (first in (ALERT, HANDSHAKE) or LETTER_A <= first <= LETTER_Z) and looks_like_head(buf, at, end)


@called
def looks_like_head(buf: Octets, at: Int, end: Int) -> bool:
    """Whether a message that can be told by its first octets begins here."""
    is_http = looks_like_status(buf, at, end) or looks_like_request(buf, at, end)
    return bool(is_http or looks_like_tls(buf, pass_warnings(buf, at, end), end))


@inlined
def looks_like_status(buf: Octets, at: Int, end: Int) -> bool:
    """The beginning of a response, not a request's line cut before its version."""
    behind = at + VERSION_OCTETS
    is_cut = behind < end and octet(buf, behind) in (CR, LF)
    return bool(looks_like_response(buf, at, end) and not is_cut)


@called
def recognise(t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int) -> Int:
    """What the stream speaks: its port's protocol, unless the first octets are another's; 1, MORE or NOT."""
    flow, own = t.flows[row], t.tracks[track_at(row, p.high)]
    found = np.int64(flow.decoder)
    start = pass_warnings(data, at, end) if found in (DECODER_UNKNOWN, TLS) else at
    is_short = end - start < LOOK_OCTETS and not cut
    if is_short and not (found == POSTGRES and is_whole_postgres(t, row, p, data, at, end)):
        return MORE
    if looks_like_tls(data, start, end):
        found = np.int64(TLS)
    elif looks_like_response(data, at, end) or looks_like_request(data, at, end):
        found = np.int64(HTTP)
    elif looks_like_startup(data, at, end):
        found = np.int64(POSTGRES)
    elif found in (DECODER_UNKNOWN, TLS):
        return NOT
    if found != flow.decoder:
        forget_questions(t, row)
        flow.decoder = found
        t.cold[row].by = PAYLOAD
    is_start = found == POSTGRES and looks_like_startup(data, at, end)
    own.phase = PHASE_START if is_start else PHASE_HEADS
    return 1


@called
def read_message(
    t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, first_ns: Int, last_ns: Int
) -> Int:
    """The message at `at`, its octets come from first_ns to last_ns: how far behind it the next begins, MORE or NOT."""
    if t.tracks[track_at(row, p.high)].phase == PHASE_SEEK:
        known = recognise(t, row, p, data, at, end, cut)
        if known <= 0:
            return known
    decoder = t.flows[row].decoder
    if decoder == HTTP:
        return hear_http(t, row, p, data, at, end, cut, first_ns, last_ns)
    if decoder == TLS:
        return hear_tls(t, row, p, data, at, end, cut, first_ns, last_ns)
    if decoder == DNS:
        return hear_dns_stream(t, row, p, data, at, end, cut, first_ns, last_ns)
    if decoder == POSTGRES:
        return hear_postgres(t, row, p, data, at, end, cut, first_ns, last_ns)
    return np.int64(NOT)
