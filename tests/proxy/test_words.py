"""Command lines: ours, kproxy's, and wrong ones."""

import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import arguments, spelling
from proxy.settings import Place, Settings
from supervisor.flags import hoisted


@pytest.mark.parametrize(
    ("words", "listen"),
    [
        ("", Place("127.0.0.1", 3182)),
        ("--listen 10.0.0.1:99", Place("10.0.0.1", 99)),
        ("--listen [::1]:99", Place("::1", 99)),
        ("--listen=:99", Place("", 99)),
        ("-listen *:0", Place("", 0)),
        ("-proxy-http :2020", Place("", 2020)),
        ("-proxy-http 2020", Place("127.0.0.1", 2020)),
        ("-proxy-http=0.0.0.0:2020", Place("0.0.0.0", 2020)),
        ("--proxy_http kproxy.example:2020", Place("kproxy.example", 2020)),
        ("-host 0.0.0.0 -proxy-http 2020", Place("0.0.0.0", 2020)),
        ("-host=10.0.0.1 -proxy-http :2020", Place("10.0.0.1", 2020)),
        ("-host ::1 -proxy-http :2020", Place("::1", 2020)),
        ("-host 10.0.0.1", Place("10.0.0.1", 3182)),
    ],
)
def test_where_it_listens(words, listen):
    assert arguments.parse(words.split()).listen == listen


def test_kproxys_command_line():
    words = [
        "-api_email",
        "a@b.c",
        "-api_token=-x",
        "-region",
        "eu",
        "-verbose",
        "-proxy-http-allow",
        ".example.com",
    ]
    settings = arguments.parse([*words, "--proxy-http", ":2020", "-fg", "-stdout=false"])
    assert settings.level == "debug"
    assert list(map(str, settings.allow)) == [".example.com"]
    assert settings.listen.port == 2020


def test_ours():
    words = "--allow .a.com --allow b.com:8443 --status off --idle-s 1.5 --max-connections 7"
    settings = arguments.parse(words.split())
    assert list(map(str, settings.allow)) == [".a.com", "b.com:8443"]
    assert (settings.status, settings.idle_s, settings.max_connections) == (None, 1.5, 7)
    assert arguments.parse([]) == Settings()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--nonsense=1", "--nonsense"),
        ("--listen nowhere", "'nowhere' is not HOST:PORT"),
        ("--listen ::1:99", "is not HOST:PORT"),
        ("--listen x:70000", "70000 is no port"),
        ("--listen :1 -proxy-http :2", "leave out -proxy-http and -host"),
        ("-proxy-http x", "argument -proxy-http: x is no port"),
        ("-proxy-http", "expected one argument"),
        ("--allow *.kentik.com", "write .example.com for a domain and all below it"),
        ("--idle-s 0", "no number of seconds"),
        ("--idle-s nan", "no number of seconds"),
        ("--max-connections -1", "no whole number"),
        ("-log_level loud", "'loud' is none of"),
        ("-port 9995", "-port is about kproxy's collecting of flows"),
        ("-snmp_file=x", "-snmp-file is about kproxy's collecting of flows"),
        ("-verbose=maybe", "verbose"),
        ("extra", "unrecognized arguments: extra"),
    ],
)
def test_a_mistake_is_one_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        arguments.parse(words.split())
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert sentence in said
    assert len(said.splitlines()) == 1
    assert said.startswith("flowherd proxy: ")


@given(
    st.lists(
        st.text() | st.sampled_from(["-proxy-http", "--allow=", "-v", "-api_token", "--", "-h=", "-stdout=t"])
    )
)
def test_any_words_are_settings_or_a_sentence(words):
    full = spelling.in_full(words)
    assert spelling.in_full([word for word in full if not word.startswith("-")]) is not None
    with suppress(SystemExit):
        assert isinstance(arguments.parse(words), Settings)


@given(
    st.sampled_from(["proxy-http", "api_token", "api-email", "allow"]),
    st.text(),
    st.sampled_from(["-", "--"]),
)
def test_a_value_stands_after_a_space_or_an_equals_sign(name, value, dashes):
    assert spelling.in_full([dashes + name, value]) == spelling.in_full([f"{dashes}{name}={value}"])


def test_words_are_handed_on_untouched():
    words = ["-v", "proxy", "-host", "x", "run", "-i"]
    assert hoisted(words) == ["proxy", "--", "-v", "-host", "x", "run", "-i"]


@pytest.mark.parametrize("word", ["-h", "-help", "--help"])
def test_help_through_flowherd(word):
    command = [sys.executable, "-I", "-m", "supervisor", "proxy", word]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--listen HOST:PORT" in done.stdout
    assert "credentials are the agents' own, end to end" in " ".join(done.stdout.split())
