"""PostgreSQL's messages: what clients and servers say, and what any octets may do."""

import re
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.inet import TCP
from scapy.packet import Raw
from scapy.utils import rdpcap

from tests.worker.decoders.rig import ask, promised, read
from worker.decoders.postgres import (
    CANCEL,
    COMPLETE,
    ERROR,
    GSS_REQUEST,
    HEADER,
    PARSE,
    QUERY,
    READY,
    SSL_REQUEST,
    STARTUP,
    looks_like_startup,
    read_answer,
    read_backend,
    read_frontend,
    read_startup,
)
from worker.jit import inlined

MORE, NOT = 0, -1
VERSION = 3 << 16


@inlined
def read_frontend_cut(buf, at, end, x, out):
    return read_frontend(buf, at, end, x, out, True)


READERS = (read_startup, read_answer, read_frontend, read_backend)


def packet(code, body=b""):
    return struct.pack(">II", len(body) + 8, code) + body


def startup(*pairs, version=VERSION):
    return packet(version, b"".join(name + b"\0" + value + b"\0" for name, value in pairs) + b"\0")


def message(letter, body=b""):
    return letter + struct.pack(">I", len(body) + 4) + body


def promise_message(reader, data):
    """A part says nothing else than the whole."""
    seen = promised(reader, data)
    assert NOT <= seen.result <= len(data)
    for upto in {0, 1, 4, 5, 7, 8, len(data) // 2, len(data) - 1, seen.result - 1}:
        if 0 <= upto < len(data):
            part = read(reader, data[:upto])
            assert part.result == MORE or part == seen
    if seen.result <= 0:
        assert seen.x.kind == seen.x.used == seen.x.body == 0
        return
    assert 0 <= seen.x.body <= 1 << 30
    assert seen.x.kind > 0
    if seen.texts[2] is not None:
        assert re.fullmatch(rb"[A-Z_ ]{1,1024}", seen.texts[2])


def target(data):
    """What holds for any octets."""
    for reader in READERS:
        promise_message(reader, data)
    torn, whole = promised(read_frontend_cut, data), read(read_frontend, data)
    assert torn == whole or (whole.result, torn.result) == (MORE, HEADER)
    like = len(data) >= 8 and read(read_startup, data[:8]).result >= 0
    assert bool(ask(looks_like_startup, data)) == like


def test_a_startup():
    data = startup(
        (b"database", b"mailstore"), (b"user", b"oryx"), (b"users", b"none"), (b"application_name", b"")
    )
    seen = promised(read_startup, data + b"p")
    assert seen.result == len(data)
    assert seen.texts == [b"oryx", b"mailstore", None, None, None]
    assert seen.x.kind == STARTUP
    assert promised(read_startup, startup((b"user", b"a"), version=VERSION + 2)).texts[:2] == [b"a", None]
    for upto in range(len(data)):
        assert read(read_startup, data[:upto]).result == MORE


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (packet(80877103), SSL_REQUEST),
        (packet(80877104), GSS_REQUEST),
        (packet(80877102, bytes(8)), CANCEL),
        (packet(80877102, bytes(4 + 256)), CANCEL),
    ],
)
def test_requests_before_the_startup(data, kind):
    seen = promised(read_startup, data + b"x")
    assert (seen.result, seen.x.kind) == (len(data), kind)
    assert ask(looks_like_startup, data)
    assert not ask(looks_like_startup, data[:7])


@pytest.mark.parametrize(
    "data",
    [
        packet(80877103, b"x"),
        packet(80877102, bytes(7)),
        packet(80877102, bytes(300)),
        packet(2 << 16, bytes(288)),
        packet(VERSION, bytes(9993)),
        packet(VERSION, b"user\0a"),
        packet(VERSION),
        b"\0\0\0\7",
        b"\1",
        b"GET / HTTP/1.1",
    ],
)
def test_no_startup(data):
    assert promised(read_startup, data).result == NOT


@pytest.mark.parametrize(
    ("statement", "command"),
    [
        (b"select 1", b"SELECT"),
        (b"BEGIN;", b"BEGIN"),
        (b" \t\r\n;(\f(with x as (select 1) table x", b"WITH"),
        (b"/* a /* nested */ one */ -- and\n--\r/**/ Insert into t", b"INSERT"),
        (b"/*/ select */update t", b"UPDATE"),
        (b"", None),
        (b"-- nothing", None),
        (b"/* select", None),
        (b"/", None),
        (b"-1", None),
        (b"- ", None),
        (b"1", None),
        (b"-" * 5 + b" " * 3000, None),
        (b" " * 1023 + b"select", None),
        (b" " * 1000 + b"select", b"SELECT"),
    ],
)
def test_queries(statement, command):
    data = message(b"Q", statement + b"\0")
    seen = promised(read_frontend, data + b"X")
    assert (seen.result, seen.x.kind, seen.x.body) == (HEADER, QUERY, len(data) - HEADER)
    assert seen.texts == [None, None, command, None, None]
    data = message(b"P", b"S_1\0" + statement[:900] + b"\0\0\0")
    seen = promised(read_frontend, data)
    assert (seen.result, seen.x.kind, seen.x.body) == (HEADER, PARSE, len(data) - HEADER)


def test_a_statement_prepared():
    assert promised(read_frontend, message(b"P", b"\0commit\0\0\0")).texts[2] == b"COMMIT"
    assert promised(read_frontend, message(b"P", b"select\0/**/delete from t\0\0\0")).texts[2] == b"DELETE"
    assert promised(read_frontend, message(b"P", b"n" * 1500 + b"\0select\0\0\0")).texts[2] is None


def test_a_word_that_is_not_there_whole():
    data = message(b"Q", b"/* x */ select 1" + b"\0" * 5000)
    known = data.index(b" 1") + 1
    for upto in range(known + 1):
        result = MORE if upto < known else HEADER
        assert promised(read_frontend, data[:upto]).result == result
        seen = promised(read_frontend_cut, data[:upto])
        assert seen.result == (HEADER if upto >= HEADER else MORE)
        assert seen.texts[2] == (None if upto < known else b"SELECT")


@pytest.mark.parametrize(
    ("tag", "command"),
    [
        (b"SELECT 5", b"SELECT"),
        (b"SELECT", b"SELECT"),
        (b"INSERT 0 1", b"INSERT"),
        (b"CREATE TABLE", b"CREATE TABLE"),
        (b"DROP ACCESS METHOD", b"DROP ACCESS METHOD"),
        (b"", None),
    ],
)
def test_commands_completed(tag, command):
    data = message(b"C", tag + b"\0")
    seen = promised(read_backend, data + b"Z")
    assert (seen.result, seen.x.kind, seen.x.body) == (HEADER, COMPLETE, len(tag) + 1)
    assert seen.texts[2] == command
    for upto in range(len(data)):
        assert read(read_backend, data[:upto]).result == MORE


@pytest.mark.parametrize(
    ("reader", "letters"), [(read_frontend, b"BCDEFHPQSXcdfp"), (read_backend, b"123ACDEGHIKNRSTVWZcdnstv")]
)
def test_messages_are_passed_by_their_length(reader, letters):
    fixed = {b"HSXc": 4, b"Z": 5} if reader is read_frontend else {b"123Incs": 4, b"Z": 5}
    for letter in range(256):
        size = next((size for those, size in fixed.items() if letter in those), 100)
        data = bytes([letter]) + struct.pack(">I", size) + bytes(96)
        seen = promised(reader, data)
        assert (seen.result > 0) == (letter in letters), chr(letter)
        if letter in letters:
            assert (seen.x.kind, seen.x.body) == (letter, size - 4)
        for wrong in (0, 3, 1 << 31, 0xFFFFFFFF):
            assert promised(reader, data[:1] + struct.pack(">I", wrong) + data[5:]).result == NOT


def test_rows_need_not_be_there():
    head = message(b"D", bytes(1 << 20))[:HEADER]
    seen = promised(read_backend, head)
    assert (seen.result, seen.x.body) == (HEADER, 1 << 20)


def test_answers_of_one_octet():
    for letter in b"SNG":
        seen = promised(read_answer, bytes([letter]) + b"\x16")
        assert (seen.result, seen.x.kind) == (1, letter)
    assert promised(read_answer, b"").result == MORE
    assert promised(read_answer, b"E").result == NOT


@given(st.binary(max_size=80))
@example(b"")
def test_any_octets(data):
    target(data)


WORDS = st.sampled_from(
    [b"select", b"/*", b"*/", b"--", b"\n", b" ", b"(", b"\0", b"INSERT 0 1", b"user\0", b"database\0"]
)
BODIES = st.lists(st.one_of(WORDS, st.binary(max_size=6)), max_size=8).map(b"".join)


@given(
    st.sampled_from([b"Q", b"P", b"C", b"D", b"E", b"Z", b"R"]),
    BODIES,
    st.integers(-2, 3),
    st.binary(max_size=9),
)
def test_any_messages(letter, body, wrong, rest):
    target(letter + struct.pack(">I", max(len(body) + 4 + wrong, 0)) + body + rest)


@given(st.sampled_from([VERSION, VERSION + 2, 80877103, 80877102]), BODIES, st.integers(-1, 1))
def test_any_startups(code, body, wrong):
    target(struct.pack(">II", len(body) + 8 + wrong, code) + body)


def conversation(path, port):
    """(octets of the client, of the server) by connection, segments in the order seen."""
    streams = {}
    for frame in rdpcap(str(path)):
        if TCP in frame and port in (frame[TCP].sport, frame[TCP].dport):
            asked = frame[TCP].dport == port
            client = frame[TCP].sport if asked else frame[TCP].dport
            both = streams.setdefault(client, ({}, {}))
            if Raw in frame:  # not what a frame is padded with
                both[not asked].setdefault(frame[TCP].seq, frame[Raw].load)
    return [[b"".join(side.values()) for side in both] for both in streams.values()]


def messages(reader, data):
    """All messages of one side as (kind, command)."""
    at, found = 0, []
    while at < len(data):
        seen = read(reader, data[at:])
        assert seen.result > 0
        found.append((seen.x.kind, seen.texts[2]))
        at += seen.result + seen.x.body
    return found


def test_a_capture(captures):
    path = captures / "suricata-verify/pgsql-simple-query-rollback.pcap"
    [[asked, answered]] = conversation(path, 5432)
    assert read(read_startup, asked).x.kind == SSL_REQUEST
    assert read(read_answer, answered).x.kind == ord("N")
    seen = read(read_startup, asked[8:])
    assert seen.x.kind == STARTUP
    asked = messages(read_frontend, asked[8 + seen.result :])
    answered = messages(read_backend, answered[1:])
    queries = [command for kind, command in asked if kind == QUERY]
    assert queries[:6] == [b"BEGIN"] + [b"DELETE"] * 4 + [b"COMMIT"]
    done = [command for kind, command in answered if kind in (COMPLETE, ERROR)]
    assert len(done) == len(queries) == sum(kind == READY for kind, _ in answered) - 1
    assert [a for a, b in zip(done, queries, strict=True) if a not in (b, None)] == [b"ROLLBACK"]
