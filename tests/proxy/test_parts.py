"""Targets and headers, without a socket."""

from contextlib import suppress

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import dial, headers, target
from proxy.refusal import Refusal
from proxy.tallies import HOSTS_MAX, Tallies


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("http://a.b", "a.b", 80, "a.b", "/"),
        ("HTTP://A.b./x?y", "a.b", 80, "a.b", "/x?y"),
        ("http://a.b:8080?y", "a.b", 8080, "a.b:8080", "/?y"),
        ("http://[2001:DB8::1]:81/", "2001:db8::1", 81, "[2001:db8::1]:81", "/"),
        ("http://a.b/http://c.d@e", "a.b", 80, "a.b", "/http://c.d@e"),
    ],
)
def test_absolute(url, host, port, authority, path):
    assert target.of_absolute(b"GET", url.encode()) == target.Target(host, port, authority, path)


def test_options_of_a_whole_host():
    assert target.of_absolute(b"OPTIONS", b"http://a.b").path == "*"


@pytest.mark.parametrize(
    "url",
    ["/", "*", "a.b:443", "https://a.b/", "ftp://a.b/", "http://", "http:///x", "http://u@a.b/", "http://a.b:/",
     "http://a.b:0/", "http://a.b:99999/", "http://a.b\\@c.d/", "http://a.b/#x", "http://a%2eb/", "http://[::1/"],
)  # fmt: skip
def test_absolute_refused(url):
    with pytest.raises(Refusal) as refused:
        target.of_absolute(b"GET", url.encode())
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "text", ["a.b", "a.b:", "a.b:x", ":443", "u@a.b:443", "http://a.b:443", "::1:443", "a.b:443/"]
)
def test_connect_refused(text):
    with pytest.raises(Refusal):
        target.of_connect(text.encode())


@given(st.binary(), st.sampled_from([b"GET", b"OPTIONS"]))
def test_any_target_is_one_or_refused(text, method):
    for read in (target.of_connect, lambda text: target.of_absolute(method, text)):
        with suppress(Refusal):
            assert 0 < read(text).port < 65536


def request(*pairs, method="POST", version="1.1"):
    return h11.Request(method=method, target="/", headers=[("Host", "x"), *pairs], http_version=version)


def test_hop_by_hop_headers_stay():
    pairs = [("Connection", "close, X-Own"), ("X-Own", "1"), ("Keep-Alive", "1"), ("TE", "trailers"), ("X-End", "1"),
             ("Proxy-Authorization", "Basic x"), ("Proxy-Connection", "close"), ("Upgrade", "h2c"),
             ("Trailer", "X"), ("Content-Length", "3")]  # fmt: skip
    sent = headers.onward(request(*pairs), "a.b:81")
    expected = [(b"Host", b"a.b:81"), (b"X-End", b"1"), (b"Content-Length", b"3"), headers.VIA]
    assert sent == [*expected, (b"Connection", b"close")]


def test_chunked_stays_chunked():
    assert (b"Transfer-Encoding", b"chunked") in headers.onward(
        request(("Transfer-Encoding", "chunked")), "a.b"
    )


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (request(("Content-Length", "3"), ("Transfer-Encoding", "chunked")), "together"),
        (request(("Transfer-Encoding", "chunked"), version="1.0"), "HTTP/1.0"),
        (request(("Connection", "Content-Length"), ("Content-Length", "3")), "every hop"),
        (request(("Connection", "x, HOST")), "every hop"),
        (request(("Content-Length", "1"), method="CONNECT"), "body"),
        (request(("Transfer-Encoding", "chunked"), method="CONNECT"), "body"),
        (request(("Content-Length", "0"), method="CONNECT"), None),
        (request(("Content-Length", "3")), None),
    ],
)
def test_framing(message, word):
    fault = headers.framing_fault(message)
    assert fault is None if word is None else word in fault


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)


@given(st.lists(st.tuples(TOKENS, TOKENS)), st.lists(TOKENS))
def test_what_connection_names_is_never_sent_on(pairs, options):
    skip = {"content-length", "transfer-encoding", "host", "connection"}
    pairs = [pair for pair in pairs if pair[0] not in skip]
    options = [option for option in options if option not in skip]
    sent = headers.onward(request(*pairs, ("Connection", ",".join(options))), "a.b")
    names = [name.decode().lower() for name, _ in sent]
    own = {"via", "host", "connection"}
    assert not (set(options) - own) & set(names)
    hop = {name.decode() for name in headers.HOP_BY_HOP} | set(options)
    kept = [(name, value) for name, value in pairs if name not in hop]
    assert [(name.decode(), value.decode()) for name, value in sent[1:-2]] == kept


def test_families_take_turns():
    assert dial.interleaved(["1", "2", "::1", "3", "::2"]) == ["1", "::1", "2", "::2", "3"]
    assert dial.interleaved(["::1", "1"]) == ["::1", "1"]
    assert dial.interleaved([]) == []


def test_made_up_hosts_do_not_make_the_page_grow():
    tallies = Tallies()
    for number in range(10 * HOSTS_MAX):
        tallies.of_unreached(f"{number}.kentik.com").failures += 1
    tallies.of("flow.kentik.com").tunnels += 1
    assert tallies.hosts["flow.kentik.com"].tunnels == 1
    for number in range(10 * HOSTS_MAX):
        tallies.of(f"x{number}.kentik.com").tunnels += 1
    assert len(tallies.hosts) == HOSTS_MAX
    assert sum(tally.failures for tally in tallies.hosts.values()) == 10 * HOSTS_MAX
