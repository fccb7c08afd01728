"""HTTP heads and chunks: what real ones say, and any octets."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.inet import TCP
from scapy.packet import Raw
from scapy.utils import rdpcap

from tests.worker.decoders.http_promises import (
    MORE,
    NOT,
    promise_chunk,
    read_request_cut,
    read_response_cut,
    request,
    target,
)
from tests.worker.decoders.rig import ask, promised, read
from worker.decoders.http import (
    CONNECT,
    HEAD,
    looks_like_request,
    looks_like_response,
    read_request,
    read_response,
)
from worker.decoders.http_body import CHUNKED, UNKNOWN, UNTIL_CLOSE, read_chunk
from worker.decoders.http_fields import CUT, KEEP_ALIVE, TYPED, UPGRADE

OTHER_DATA = b"POST /behind HTTP/1.1\r\nHost: behind\r\n\r\n"


def test_a_request():
    head = request(
        b"GET /a/b.html?q=1 HTTP/1.1",
        b"Referer: http://x.example/from",
        b"HOST:www.example.com",
        b"user-agent: \t curl/7.38.0 \t",
    )
    seen = promised(read_request, head + OTHER_DATA)
    assert seen.result == len(head)
    assert seen.texts == [
        b"/a/b.html?q=1",
        b"www.example.com",
        b"http://x.example/from",
        b"curl/7.38.0",
        b"GET",
    ]
    assert seen.numbers == [None] * 6
    assert (seen.x.body, seen.x.kind) == (0, 0)


def test_a_response():
    head = request(
        b"HTTP/1.1 302 Found", b"Content-Length: 219", b"Content-Type: text/html", b"Host: no.example"
    )
    seen = promised(read_response, head + b"<html>")
    assert seen.result == len(head)
    assert seen.numbers == [302] + [None] * 5
    assert seen.texts == [None] * 5
    assert (seen.x.body, seen.x.kind) == (219, TYPED)


@pytest.mark.parametrize(
    ("line", "url", "method"),
    [
        (b"OPTIONS * HTTP/1.1", b"*", b"OPTIONS"),
        (b"GET http://a.example/ HTTP/1.0", b"http://a.example/", b"GET"),
        (b"CONNECT a.example:443 HTTP/1.1", b"a.example:443", b"CONNECT"),
        (b"M-SEARCH * HTTP/1.1", b"*", b"M-SEARCH"),
        (b"RPC_CONNECT a:593 HTTP/1.1", b"a:593", b"RPC_CONNECT"),
        (b"BASELINE-CONTROL-MUCH-LO / HTTP/1.1", b"/", b"BASELINE-CONTROL-MUCH-LO"),
        (b"GET  /a b  HTTP/1.1  ", b"/a b", b"GET"),
        (b"GET /\xc3\xa9\xff HTTP/1.1", b"/\xc3\xa9\xff", b"GET"),
        (b"\r\n\r\nGET / HTTP/1.1", b"/", b"GET"),
        (b"GET / HTTP/1.1 HTTP/1.0", b"/ HTTP/1.1", b"GET"),
    ],
)
def test_request_lines(line, url, method):
    for end in (b"\r\n", b"\n"):
        seen = promised(read_request, request(line, end=end))
        assert seen.result == len(line) + 2 * len(end)
        assert (seen.texts[0], seen.texts[4]) == (url, method)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\r\n",  # version 0.9
        b"GET / HTTP/2.0\r\n",
        b"GET /HTTP/1.1\r\n",
        b"GET HTTP/1.1\r\n",
        b"GET   HTTP/1.1\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\n",
        b"get / HTTP/1.1\r\n",
        b"GET\t/ HTTP/1.1\r\n",
        b"GET /\0 HTTP/1.1\r\n",
        b"GET / HTTP/1.1\rHost",
        b"BASELINE-CONTROL-MUCH-LON",
        b" GET",
        b"\x16\x03\x01",
        b"\xff",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_no_request(data):
    assert promised(read_request, data).result == NOT
    assert promised(read_request_cut, data).result == NOT


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"HTTP/1.1 200 OK", 200),
        (b"HTTP/1.0 404", 404),
        (b"HTTP/1.1 404 ", 404),
        (b"HTTP/1.1  999 \xe4\tb", 999),
        (b"ICY 200 OK", 200),
    ],
)
def test_status_lines(line, status):
    for end in (b"\r\n", b"\n"):
        seen = promised(read_response, request(line, end=end))
        assert (seen.result, seen.numbers[0]) == (len(line) + 2 * len(end), status)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/2",
        b"HTTP/1.x",
        b"HTTP/1.1200",
        b"HTTP/1.1 2x",
        b"HTTP/1.1 0",
        b"HTTP/1.1 2000",
        b"ICYX",
        b"x",
        b"HTTP/1.1 200\0",
    ],
)
def test_no_response(data):
    assert promised(read_response, data).result == NOT


@pytest.mark.parametrize(
    ("lines", "asked", "answered"),
    [
        ([], 0, UNTIL_CLOSE),
        ([b"Content-Length: 0"], 0, 0),
        ([b"content-length:7"], 7, 7),
        ([b"Content-Length: 5000000000"], 5_000_000_000, 5_000_000_000),
        ([b"Content-Length: " + b"9" * 18], 10**18 - 1, 10**18 - 1),
        ([b"Content-Length: " + b"1" * 19], 0, UNTIL_CLOSE),
        ([b"Content-Length: 7", b"Content-Length: 7"], 7, 7),
        ([b"Content-Length: 7 , 7"], 7, 7),
        ([b"Content-Length: 7", b"Content-Length: 8"], 0, UNTIL_CLOSE),
        ([b"Content-Length: 7, 8", b"Content-Length: 8"], 0, UNTIL_CLOSE),
        ([b"Content-Length: -7"], 0, UNTIL_CLOSE),
        ([b"Content-Length: 7x"], 0, UNTIL_CLOSE),
        ([b"Content-Length:"], 0, UNTIL_CLOSE),
        ([b"Content-Length 7"], 0, UNTIL_CLOSE),
        ([b"Transfer-Encoding: chunked"], CHUNKED, CHUNKED),
        ([b"TRANSFER-ENCODING:gzip,Chunked "], CHUNKED, CHUNKED),
        ([b"Transfer-Encoding: chunked", b"Content-Length: 7"], CHUNKED, CHUNKED),
        ([b"Content-Length: x", b"Transfer-Encoding: chunked"], CHUNKED, CHUNKED),
        ([b"Transfer-Encoding: gzip", b"Content-Length: 7"], UNTIL_CLOSE, UNTIL_CLOSE),
        ([b"Transfer-Encoding: identity", b"Content-Length: 7"], 7, 7),
    ],
)
def test_bodies(lines, asked, answered):
    assert promised(read_request, request(b"POST / HTTP/1.1", *lines)).x.body == asked
    assert promised(read_response, request(b"HTTP/1.1 200 OK", *lines)).x.body == answered


@pytest.mark.parametrize("status", [b"100", b"101", b"199", b"204", b"304"])
def test_answers_without_a_body(status):
    for line in (b"X: y", b"Content-Length: 7", b"Transfer-Encoding: chunked"):
        assert promised(read_response, request(b"HTTP/1.1 " + status, line)).x.body == 0


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ([b"HEAD / HTTP/1.1"], HEAD),
        ([b"CONNECT a:1 HTTP/1.1"], CONNECT),
        ([b"CONNECTS a:1 HTTP/1.1"], 0),
        (
            [b"GET / HTTP/1.1", b"Upgrade: websocket", b"Connection: keep-alive, Upgrade"],
            UPGRADE | KEEP_ALIVE,
        ),
        ([b"GET / HTTP/1.1", b"Connection: close"], 0),
        ([b"POST / HTTP/1.1", b"Content-Type: x/y"], TYPED),
        ([b"HTTP/1.1 101 Switching Protocols"], UPGRADE),
        ([b"HTTP/1.1 200 OK", b"Upgrade: h2c", b"Connection: Keep-Alive"], KEEP_ALIVE),
    ],
)
def test_kinds(head, kind):
    reader = read_response if head[0].startswith(b"HTTP") else read_request
    assert promised(reader, request(*head)).x.kind == kind


def test_fields_that_are_folded_repeated_or_none():
    head = request(
        b"GET / HTTP/1.1",
        b" Host: not.this",
        b"Host : a.example",
        b"Host: b.example",
        b"no colon here",
        b": no name",
    )
    assert promised(read_request, head).texts[1] == b"a.example"
    head = request(b"GET / HTTP/1.1", b"User-Agent:", b"  one", b"\ttwo ", b" ", b"Referer:", b"Hosts: x")
    seen = promised(read_request, head)
    assert seen.result == len(head)
    assert seen.texts == [b"/", None, b"", b"one\ttwo", b"GET"]


def test_long_texts_are_cut():
    head = request(b"GET /" + b"u" * 9000 + b" HTTP/1.1", b"Host: " + b"h" * 5000, b"Referer: r")
    seen = read(read_request, head)
    assert [len(text or b"") for text in seen.texts] == [4096, 4096, 1, 0, 3]


@pytest.mark.parametrize("reader", [read_request, read_response])
def test_every_part_of_a_head_asks_for_more(reader):
    """What ends within a head is never taken for one, nor given up."""
    line = b"PUT /x HTTP/1.1" if reader is read_request else b"HTTP/1.1 201 Created"
    for end in (b"\r\n", b"\n"):
        head = request(line, b"Host: a", b"Content-Length: 3", b"X: a", b" b", end=end)
        for upto in range(len(head)):
            assert read(reader, head[:upto]).result == MORE
        assert promised(reader, head).result == len(head)


def test_heads_that_are_cut():
    head = b"GET /abc HTTP/1.1\r\nHost: a.example\r\nReferer: http://b.example/\r\n"
    expected = {3: None, 4: b"", 6: b"/a", 8: b"/abc", 9: b"/abc", 12: b"/abc", 18: b"/abc", 30: b"/abc"}
    for upto, url in expected.items():
        seen = promised(read_request_cut, head[:upto])
        assert seen.texts[0] == url
        assert seen.result == (MORE if url is None else upto)
    for upto, host in {22: None, 25: b"", 26: b"a", 33: b"a.exampl", 34: b"a.example"}.items():
        assert promised(read_request_cut, head[:upto]).texts[1] == host  # as far as it is there, like the url
    seen = promised(read_request_cut, head)
    assert seen.texts[1] == b"a.example"
    assert seen.texts[2] == b"http://b.example/"
    assert promised(read_request_cut, b"FOO /abc").result == MORE  # what no line has confirmed
    answer = b"HTTP/1.1 200 OK\r\nDate: "
    for upto in range(12, len(answer)):
        seen = promised(read_response_cut, answer[:upto])
        assert (seen.result, seen.numbers[0], seen.x.body, seen.x.kind) == (upto, 200, UNKNOWN, CUT)
    assert promised(read_response_cut, answer[:11]).result == MORE


@pytest.mark.parametrize(
    ("data", "octets", "last"),
    [
        (b"5\r\nhello\r\n0\r\n\r\n", 8, False),
        (b"\r\n5;name=value\r\nhel", 21, False),
        (b"\n00A \nx", 6 + 10, False),
        (b"ffffffff\r\n", 10 + 0xFFFFFFFF, False),
        (b"0\r\n\r\nHTTP", 5, True),
        (b"\r\n000\r\nX: y\r\n z\r\n\r\nHTTP", 19, True),
        (b"0\n\nHTTP", 3, True),
        *((b"\r\n0;x\r\nX: y\r\n\r\n"[:upto], MORE, False) for upto in range(14)),
        (b"fffffffffffffff\r\n", 17 + 0xFFFFFFFFFFFFFFF, False),
        (b"ffffffffffffffff", NOT, False),
        (b"x", NOT, False),
        (b"\r\n\r\n", NOT, False),
        (b"\rx", NOT, False),
        (b"5x", NOT, False),
        (b"5\rx", NOT, False),
        (b"-5\r\n", NOT, False),
    ],
)
def test_chunks(data, octets, last):
    assert ask(read_chunk, data, plain=True) == (octets, last)
    promise_chunk(data)


@pytest.mark.parametrize(
    ("data", "like"),
    [
        *(
            (method + b" /", True)
            for method in b"GET POST PATCH PROPFIND NOTIFY M-SEARCH SUBSCRIBE RPC_CONNECT".split()
        ),
        (b"GET ", True),
        (b"GET", False),
        (b"POST", False),
        (b"GETS /ab", False),
        (b"PROPFINE", False),
        (b"EHLO x", False),
        (b"", False),
        (b"\xff" * 8, False),
    ],
)
def test_looks(data, like):
    for plain in (True, False):
        assert bool(ask(looks_like_request, data, plain=plain)) is like
        assert not ask(looks_like_response, data, plain=plain)
        assert ask(looks_like_response, b"HTTP/1.1", plain=plain)
        assert ask(looks_like_response, b"ICY 200 OK", plain=plain)
        assert not ask(looks_like_response, b"HTTP/1.", plain=plain)


LINES = st.sampled_from(
    [
        *(
            b"GET / HTTP/1.1|HTTP/1.1 200 OK|Host: a.b|host:c|Referer: d|User-Agent: e f|Content-Length: 12|".split(
                b"|"
            )
        ),
        *(
            b"Transfer-Encoding: chunked|Upgrade: h2c|Connection: keep-alive| folded|no colon|:|5;x|0|a b".split(
                b"|"
            )
        ),
    ]
)
ENDS = st.sampled_from([b"\r\n"] * 6 + [b"\n", b"\r", b"", b"\0", b" ", b"\xff", b"\r\n\r\n"])
MESSAGES = st.lists(st.tuples(st.one_of(LINES, LINES, st.binary(max_size=12)), ENDS), max_size=12)


@given(st.binary(max_size=64))
@example(b"")
def test_any_octets(data):
    target(data)


@given(MESSAGES)
def test_any_lines(lines):
    target(b"".join(line + end for line, end in lines))


TOKENS = st.from_regex(rb"[A-Z_-]{1,24}", fullmatch=True)
URLS = st.from_regex(rb"[!-~\x80-\xff]{1,60}", fullmatch=True)
VALUES = st.from_regex(rb"([!-~\x80-\xff]([ -~\x80-\xff]{0,60}[!-~\x80-\xff])?)?", fullmatch=True)
BLANKS = st.sampled_from([b"", b" ", b"\t  "])
NAMES = st.sampled_from([b"Host", b"Referer", b"User-Agent", b"Accept", b"X-Host", b"Hosts", b"Cookie"])
CASES = st.sampled_from([bytes.lower, bytes.upper, bytes.title])
FIELDS = st.lists(st.tuples(NAMES, CASES, BLANKS, VALUES, BLANKS), max_size=8)


@given(TOKENS, URLS, FIELDS, st.sampled_from([b"\r\n", b"\n"]))
def test_requests_say_what_they_were_made_of(method, url, fields, end):
    lines = [case(name) + b":" + before + value + after for name, case, before, value, after in fields]
    head = request(method + b" " + url + b" HTTP/1.1", *lines, end=end)
    first = {}
    for name, _, _, value, _ in fields:
        first.setdefault(name, value)
    seen = read(read_request, head + OTHER_DATA)
    assert seen.result == len(head)
    assert seen.texts == [url, first.get(b"Host"), first.get(b"Referer"), first.get(b"User-Agent"), method]


IPV6_SITE = {
    *(b"/ /header.css /header.shtml /images/logo.jpg /images/space23.jpg".split()),
    *(b"/images/top_bground.jpg /main.html /style1.css".split()),
    b"/ipv6/stats/log.php3?URL=www.uk6x.com&ImageId=6",
}
IPV6_HOSTS = {b"www.uk6x.com", b"6bone.informatik.uni-leipzig.de"}
SEEN_ELSEWHERE = {  # hosts, urls, answers with their status in segments that begin with one: as tshark has them
    "kprobe/google.com.pcap": ({b"google.com"}, {b"/"}, {302: 1}),
    "kprobe/http-1.0-fin-data.pcap": ({b"server3.sjc1"}, {b"/application1"}, {200: 1}),
    "mercury/http_rawip.pcap": (IPV6_HOSTS, IPV6_SITE, {200: 9}),
    "suricata-verify/http-range-multiflows.pcap": ({b"127.0.0.1:8000"}, {b"/mqtt5_pub_jpeg.pcap"}, {206: 41}),
    "deepflow/art-continues-payload-len-larger-than-1.pcap": ({b"10.50.100.82"}, {b"/"}, {403: 1}),
}


@pytest.mark.parametrize("name", SEEN_ELSEWHERE)
def test_captures(captures, name):
    asked, answered = [], Counter()
    for packet in rdpcap(str(captures / name)):
        data = packet[Raw].load if TCP in packet and Raw in packet else b""
        if ask(looks_like_request, data):
            asked.append(read(read_request_cut, data).texts)
        elif ask(looks_like_response, data):
            answered[read(read_response_cut, data).numbers[0]] += 1
    hosts, urls, statuses = SEEN_ELSEWHERE[name]
    assert answered == statuses
    assert len(asked) == answered.total()
    assert {texts[1] for texts in asked} == hosts
    assert {texts[0] for texts in asked} == urls
