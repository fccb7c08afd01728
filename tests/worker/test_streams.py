"""TCP streams however they are cut: the exchanges of a conversation are those that were spoken."""

from itertools import count, pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.conversations import (
    ANY,
    KINDS,
    POSTGRES,
    C,
    S,
    dnses,
    https,
    postgreses,
    request,
    response,
    sized,
    tlses,
)
from tests.examples import examples
from tests.worker.heard import Line, heard

TRIALS = examples(150)
COUNTERS = ("packets", "bytes", "rev_packets", "rev_bytes", "retransmits", "rev_retransmits", "seq_gaps")
WRAPS = st.sampled_from([(1000, 7000), (2**32 - 30, 2**32 - 200), (2**31 - 20, 2**32 - 1), (2**32 - 1500, 0)])


@st.composite
def pieces(draw, octets):
    """The octets cut anywhere: into one, a few, or each for itself."""
    size = len(octets)
    step = draw(st.sampled_from([None, None, None, 1, 7, 100]))
    if step and size < 1500:
        places = range(step, size, step)
    else:
        places = sorted(draw(st.sets(st.integers(1, max(size - 1, 1)), max_size=6)))
    bounds = [0, *places, size]
    return [octets[a:b] for a, b in pairwise(bounds) if a < b]


@st.composite
def cut(draw, conversations):
    """A conversation and its segments: (conversation, [[(way, sequence, octets)] a turn])."""
    said = draw(conversations)
    sent, turns = [1, 1], []
    for way, octets in said.turns:
        turn = []
        for piece in draw(pieces(octets)):
            turn.append((way, sent[way], piece))
            sent[way] += len(piece)
        turns.append(turn)
    return said, turns


def line_of(said, turns, *, opens=True, lost=(), **line):
    """Frames of the segments, but for the lost ones; acknowledged is what was said before the turn."""
    wire = Line(said.port, **line)
    if opens:
        wire.handshake()
    spoken, number = [1, 1], count()
    for turn in turns:
        for way, sequence, octets in turn:
            if next(number) not in lost:
                wire.add(way, "PA", sequence, spoken[1 - way], octets)
        for way, sequence, octets in turn:
            spoken[way] = max(spoken[way], sequence + len(octets))
    wire.sent = spoken
    return wire


def check(said, wire, expected=None):
    """The exchanges are those; and every packet is in a record."""
    kernels = heard(wire.frames)
    assert kernels.exchanges == (said.exchanges if expected is None else expected)
    assert kernels.counted() == len(wire.frames)
    return kernels


@TRIALS
@given(cut(ANY), WRAPS, st.sampled_from([4, 6]))
def test_any_cut(case, first, version):
    said, turns = case
    check(said, line_of(said, turns, first=first, version=version).end())


@TRIALS
@given(cut(ANY), st.data())
def test_sent_again(case, data):
    """Each segment perhaps twice, the second time later, or cut otherwise."""
    said, turns = case
    again = [list(turn) for turn in turns]
    for turn in again:
        for place in sorted(data.draw(st.sets(st.integers(0, len(turn) - 1), max_size=4)), reverse=True):
            way, sequence, octets = turn[place]
            skipped = data.draw(st.integers(0, len(octets) - 1))
            later = min(place + data.draw(st.integers(1, 3)), len(turn))
            turn.insert(later, (way, sequence + skipped, octets[skipped:]))
    check(said, line_of(said, again).end())


@TRIALS
@given(cut(ANY), st.data())
def test_overtaken(case, data):
    """Neighbours of a turn change places."""
    said, turns = case
    swapped = [list(turn) for turn in turns]
    for turn in swapped:
        place = 0
        while place + 1 < len(turn):
            if data.draw(st.booleans()):
                turn[place], turn[place + 1] = turn[place + 1], turn[place]
                place += 1
            place += 1
    check(said, line_of(said, swapped).end())


def test_far_overtaken():
    """The end of a long body comes before its head, too far away to be kept."""
    body, wire = bytes(20_000), Line().handshake()
    wire.say(C, request())
    whole = response(200, sized(body), body)
    cuts = [1, *range(1001, len(whole), 1000)]
    pieces_of = [(at, whole[at - 1 : at + 999]) for at in cuts]
    for at, octets in (pieces_of[-1], *pieces_of[:-1]):
        wire.add(S, "PA", at, wire.sent[C], octets)
    wire.sent[S] += len(whole)
    wire.say(C, request(url="/next"))
    wire.say(S, response(204))
    kernels = heard(wire.end().frames)
    assert [(e["http_url"], e["http_status"]) for e in kernels.exchanges] == [("/", 200), ("/next", 204)]


# -- less than everything is seen -----------------------------------------------------------------------------


def merged(turn, least):
    """A turn whose first segment has at least so many octets."""
    turn = list(turn)
    while len(turn) > 1 and len(turn[0][2]) < least:
        way, sequence, octets = turn[0]
        turn[:2] = [(way, sequence, octets + turn[1][2])]
    return turn


@TRIALS
@given(cut(st.one_of(https(), tlses(), dnses(), postgreses((POSTGRES,)))), st.data())
def test_joined_on_its_way(case, data):
    """Without handshake, from some exchange on: all from there, but for a session's user and database."""
    said, turns = case
    first = data.draw(st.sampled_from(said.begins))
    expected = [e for e, begin in zip(said.exchanges, said.begins, strict=True) if begin >= first]
    if first != said.begins[0]:
        expected = [
            {name: value for name, value in e.items() if name not in ("postgres_user", "postgres_database")}
            for e in expected
        ]
    wire = line_of(said, [merged(turn, 16) for turn in turns], opens=False)
    before = sum(len(merged(turn, 16)) for turn in turns[:first])
    wire.frames = wire.frames[before:]
    check(said, wire, expected)


@TRIALS
@given(https(kinds=[kind for kind in KINDS if kind != "pipelined"], ends=("",)), st.integers(150, 400))
def test_snapped(said, snaplen):
    """Only so much of each segment was captured: heads, of the bodies nothing or a part."""
    wire = Line(said.port).handshake()
    for way, octets in said.turns:
        for place in range(0, len(octets), 1460):
            piece = octets[place : place + 1460]
            wire.say(way, piece, captured=min(len(piece), snaplen))
    check(said, wire.end())


@TRIALS
@given(cut(ANY), st.data())
def test_anything_lost_twice_or_elsewhere(case, data):
    """Whatever happens to the segments, every packet is counted, decoding or not, and the kernels end."""
    said, turns = case
    segments = [segment for turn in turns for segment in turn]
    spoken = data.draw(st.lists(st.sampled_from(segments), min_size=1, max_size=60))
    wire = Line(said.port).handshake()
    for way, sequence, octets in spoken:
        wire.add(
            way, data.draw(st.sampled_from(["PA", "A", "P", "SA", "FA", "RA"])), sequence, payload=octets
        )
    assert flows(check_counted(wire, decode=True)) == flows(check_counted(wire, decode=False))


def check_counted(wire, **settings):
    kernels = heard(wire.frames, **settings)
    assert kernels.counted() == len(wire.frames)
    return kernels


def flows(kernels):
    """Sums of each flow's counters."""
    sums = {}
    for record in kernels.records:
        ends = sorted([(record["src_addr"], record["src_port"]), (record["dst_addr"], record["dst_port"])])
        one = sums.setdefault(tuple(ends), dict.fromkeys(COUNTERS, 0))
        for name in COUNTERS:
            one[name] += record.get(name) or 0
    return sums
