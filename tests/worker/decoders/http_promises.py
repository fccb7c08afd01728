"""What holds of HTTP heads and chunks for any octets: a part is never taken for the whole."""

import re

from tests.worker.decoders.rig import ask, promised, read
from worker.decoders.http import (
    looks_like_request,
    looks_like_response,
    read_request,
    read_response,
)
from worker.decoders.http_body import CHUNKED, UNKNOWN, UNTIL_CLOSE, read_chunk
from worker.decoders.http_fields import CUT
from worker.jit import inlined

MORE, NOT = 0, -1


@inlined
def read_request_cut(buf, at, end, x, out):
    return read_request(buf, at, end, x, out, True)


@inlined
def read_response_cut(buf, at, end, x, out):
    return read_response(buf, at, end, x, out, True)


HEADS = ((read_request, read_request_cut), (read_response, read_response_cut))


def request(*lines, end=b"\r\n"):
    return end.join(lines) + end + end


def some_pieces(data, *more):
    """Lengths at which data may have been broken off."""
    size = len(data)
    return {
        place for place in (0, 1, 2, 3, 7, 8, 9, size // 3, size // 2, size - 1, *more) if 0 <= place < size
    }


def promise_head(whole, cut, data):
    """A part says nothing else than the whole; cut, it is read as far as it is there."""
    seen = promised(whole, data)
    assert NOT <= seen.result <= len(data)
    for upto in some_pieces(data, seen.result - 2, seen.result - 1, seen.result):
        part = read(whole, data[:upto])
        assert part.result == MORE or part == seen
        assert part.result <= upto
    torn = promised(cut, data)
    if seen.result != MORE:
        assert torn == seen
    elif torn.result != MORE:
        assert torn.result == len(data)
        assert torn.x.kind & CUT
        assert torn.x.body == UNKNOWN
    if seen.result <= 0:
        assert seen.x.kind == seen.x.used == seen.x.body == 0
        return
    assert seen.x.body >= 0 or seen.x.body in (CHUNKED, UNTIL_CLOSE)
    for text in filter(None, seen.texts):
        assert not set(text) & set(b"\r\n")
    if whole is read_request:
        assert re.fullmatch(rb"[A-Z_-]{1,24}", seen.texts[4])
        assert seen.texts[0]
    else:
        assert 100 <= seen.numbers[0] <= 999


def promise_chunk(data):
    octets, last = ask(read_chunk, data, plain=True)
    assert (octets, last) == ask(read_chunk, data)
    assert octets > 0 or not last
    assert NOT <= octets <= (len(data) if last else 2**62)
    for upto in some_pieces(data, octets - 2, octets - 1):
        assert ask(read_chunk, data[:upto]) in ((MORE, False), (octets, last))


def target(data):
    """What holds for any octets."""
    for whole, cut in HEADS:
        promise_head(whole, cut, data)
    promise_chunk(data)
    for looks in (looks_like_request, looks_like_response):
        assert bool(ask(looks, data)) == bool(ask(looks, data[:8], plain=True))
