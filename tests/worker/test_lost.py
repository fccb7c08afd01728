"""Segments of HTTP that were not captured: what is there whole is found, and no answer goes to another's question."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.conversations import C, Conversation, S, https, request, response, sized
from tests.examples import examples
from tests.worker.heard import Line, heard
from tests.worker.test_streams import cut, line_of, merged
from worker.stream import LOOK_PACKETS

LOSSY = ("length", "chunked", "post", "304", "204")


@examples(150)
@given(cut(https(kinds=LOSSY, ends=("",))), st.data())
def test_lost(case, data):
    """Some segments were not captured: what is there whole and begins a segment is found, and nothing is made up."""
    said, turns = case[0], [merged(turn, 16) for turn in case[1]]
    segments = sum(len(turn) for turn in turns)
    assume(said.port == 80 or segments < LOOK_PACKETS)  # else a stream that no port names is left alone
    check_lost(said, turns, data.draw(st.sets(st.integers(0, segments - 1), min_size=1, max_size=6)))


def check_lost(said, turns, lost):
    """What is told when the segments with these numbers are missing; an exchange behind it all settles it."""
    at = [1, 1]
    for turn in turns:
        at[turn[0][0]] = turn[-1][1] + len(turn[-1][2])
    last = [[(C, at[C], request(url="/last"))], [(S, at[S], response(299, sized(b"")))]]
    wire, whole, number = line_of(said, turns + last, lost=lost), [], 0
    for turn in turns:
        whole.append(lost.isdisjoint(range(number, number + len(turn))))
        number += len(turn)
    kernels = heard(wire.frames)
    assert kernels.counted() == len(wire.frames)
    check_found(said, kernels.exchanges, whole)


def test_a_version_is_no_response():
    """A request cut before its version, its beginning lost: what follows is found all the same."""
    wire, first = Line(80).handshake(), request(url="/first")
    place = first.index(b"HTTP")
    wire.skip(C, 4).say(C, first[4:place]).say(C, first[place:])
    wire.say(C, request(url="/last")).say(S, response(299, sized(b"")))
    assert [e["http_url"] for e in heard(wire.frames).exchanges] == ["/last"]


def check_found(said, exchanges, whole):
    """Each turn is one message; `whole` are those without loss."""
    status_of = {e["http_url"]: e["http_status"] for e in said.exchanges} | {"/last": 299}
    told = {}
    for e in exchanges:
        urls = [url for url in status_of if url == e["http_url"] or e.get("http_host") is None]
        assert any(e.get("http_status") in (None, status_of[url]) for url in urls), e
        if e["http_url"] in status_of:
            assert e["http_url"] not in told
            told[e["http_url"]] = e
    assert told["/last"]["http_status"] == 299
    for e, begin in zip(said.exchanges, said.begins, strict=True):
        if whole[begin]:
            assert e["http_url"] in told, e
            if whole[begin + 1]:
                assert e.items() <= told[e["http_url"]].items()


@pytest.mark.parametrize(
    ("cuts", "lost"),
    [
        ({}, {0, 1, 3}),
        ({1: [16], 3: [16, 17]}, {1, 3, 5}),
        ({3: [16], 4: [16]}, {1, 3, 5}),
        ({1: [16], 3: [36], 5: [36]}, {0, 1, 2, 3, 5}),
    ],
)
def test_lost_again_and_again(cuts, lost):
    """Segments lost one behind the other: numbers of segments, and where turns were cut."""
    said, turns, at = Conversation(80), [], [1, 1]
    for number in range(3):
        said.begin({"http_url": f"/{number}", "http_status": 210 + number})
        said.say(C, request(url=f"/{number}"))
        said.say(S, response(210 + number, sized(b"")))
    for number, (way, octets) in enumerate(said.turns):
        bounds = [0, *cuts.get(number, []), len(octets)]
        turns.append([(way, at[way] + a, octets[a:b]) for a, b in pairwise(bounds)])
        at[way] += len(octets)
    check_lost(said, turns, lost)
