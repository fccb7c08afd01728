"""`--sink` words."""

import pytest

from shared.errors import ConfigurationError
from shared.settings import KentikSettings, Settings
from supervisor.sinks import Sink, of, parse


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("store", Sink("store", "store", "/var/store")),
        ("store:/data", Sink("store:/data", "store", "/data")),
        ("store:here", Sink("store:/home/here", "store", "/home/here")),
        ("jsonl:-", Sink("jsonl:-", "jsonl", "-")),
        ("jsonl:/a:b", Sink("jsonl:/a:b", "jsonl", "/a:b")),
        ("null", Sink("null", "null", "")),
    ],
)
def test_each_kind(word, expected):
    assert [expected] == parse((word,), "/var/store", "/home")


@pytest.mark.parametrize("word", ["", "jsonl", "jsonl:", "null:x", "kafka", "Store"])
def test_anything_else_is_refused_with_what_there_is(word):
    with pytest.raises(ConfigurationError, match="is not one of store"):
        parse((word,), "/var/store", "/home")


@pytest.mark.parametrize("word", ["store:~/flows", "jsonl:~/flows.jsonl"])
def test_no_folder_called_tilde_is_made(word):
    with pytest.raises(ConfigurationError, match="~ is only read by a shell"):
        parse((word,), "/var/store", "/home")


def test_a_path_that_is_not_utf8_is_refused():
    """DuckDB takes none; the folder we stand in may have brought it."""
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        parse(("store:here",), "/var/store", "/home/\udcff")


def test_the_same_sink_twice_counts_once():
    assert [sink.name for sink in parse(("null", "store", "null"), "/s", "/")] == ["null", "store"]


@pytest.mark.parametrize(
    ("kentik", "sink", "mode", "expected"),
    [
        ({}, ("store",), "flows", ["store"]),
        ({"email": "a", "token": "b"}, ("store",), "flows", ["store", "kentik"]),
        ({"email": "a", "token": "b"}, ("kentik",), "flows", ["kentik"]),
        ({"email": "a", "token": "b"}, ("store",), "dns", ["kentik-dns"]),
        ({"email": "a", "token": "b"}, ("store",), "radius", ["kentik-radius"]),
    ],
)
def test_an_email_adds_kentik(kentik, sink, mode, expected):
    settings = Settings(kentik=KentikSettings(**kentik), sink=sink, mode=mode)
    assert [one.name for one in of(settings, "/")] == expected


@pytest.mark.parametrize(
    ("kentik", "sink", "missing"),
    [
        ({"email": "a"}, ("null",), "--token"),
        ({"token": "a"}, ("null",), "--email"),
        ({}, ("kentik",), "--email"),
    ],
)
def test_half_of_the_credentials_is_a_mistake(kentik, sink, missing):
    with pytest.raises(ConfigurationError, match=missing):
        of(Settings(kentik=KentikSettings(**kentik), sink=sink), "/")
