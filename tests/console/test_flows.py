"""`flows`: the newest records, filtered, in lines that fit the terminal."""

import json
import time

import numpy as np
import pytest

from console.filters import moment
from console.values import duration, plain, size
from exporter.sinks.store import Store
from shared.record import Batch
from tests.console.ask import ask
from tests.exporter.rig import some_rows
from tests.exporter.test_store import place
from tests.supervisor.rig import flowherd


def six(text):
    import ipaddress

    return np.frombuffer(ipaddress.ip_address(text).packed, np.uint64)


def test_brackets_colons_and_control_characters_are_shown_as_they_are(tmp_path):
    """Rich takes [fe80::1] for a style and :cd: for a picture, a terminal an escape for an order."""
    made = Store(place(tmp_path))
    made.open(0)
    rows = some_rows(0, 1)
    rows["ip_version"] = 6
    for name, text in (("src_addr", "fe80::1"), ("dst_addr", "fe80:cd::2")):
        rows[f"{name}_head"], rows[f"{name}_tail"] = six(text)
    made.add(1, Batch("[/x]\x1b[31m\n", 2, 1, rows))
    made.flush()
    made.close()
    (line,) = ask("flows", tmp_path).stdout.splitlines()[2:]
    assert "[fe80::1]:" in line
    assert "[fe80:cd::2]:" in line
    assert "[/x]\\x1b[31m\\n" in line


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """300 records on eth0, and one of IPv6 and one of ICMP on wlan0, the newest of all."""
    folder = tmp_path_factory.mktemp("store")
    made = Store(place(folder))
    made.open(0)
    made.add(1, Batch("eth0", 2, 1, some_rows(0, 300)))
    rows = some_rows(300, 2)
    rows["start_ns"] = time.time_ns() - 60 * 10**9
    rows["end_ns"] = rows["start_ns"] + 1_500_000_000
    rows["ip_version"][0], rows["proto"][0] = 6, 6
    for name, text in (("src_addr", "2001:db8::7"), ("dst_addr", "2001:db8:ffff::53")):
        rows[f"{name}_head"][0], rows[f"{name}_tail"][0] = six(text)
    rows["proto"][1], rows["icmp_type"][1], rows["icmp_code"][1] = 1, 8, 0
    rows["src_port"][1] = rows["dst_port"][1] = 0
    rows["bytes"][0] = 1_234_567
    made.add(2, Batch("wlan0", 3, 1, rows))
    made.flush()
    made.close()
    return folder


def found(store, *words):
    done = ask("flows", store, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_newest_first_and_fifty_at_most(store):
    records = found(store)
    assert len(records) == 50
    times = [record["start_ns"] for record in records]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--host", "10.0.0.7"], 2),
        (["--host", "10.1.0.0/16"], 301),
        (["--host", "10.0.0.0/29"], 16),
        (["--host", "11.0.0.0/8"], 0),
        (["--host", "2001:db8::7"], 1),
        (["--host", "2001:db8::/32"], 1),
        (["--host", "2001:DB8:FFFF:0::/64"], 1),
        (["--host", "0.0.0.0/0"], 301),
        (["--port", "53"], 301),
        (["--port", "1030"], 1),
        (["--interface", "wlan0"], 2),
        (["--since", "10m"], 2),
        (["--since", "10s"], 0),
        (["--since", "2023-11-14T00:00"], 302),
        (["--since", "10m", "--port", "53", "--interface", "wlan0"], 1),
        (["--limit", "7"], 7),
    ],
)
def test_filters(store, words, count):
    words = words if "--limit" in words else [*words, "--limit", "1000"]
    assert len(found(store, *words)) == count


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_the_terminal_with_nothing_cut(store, columns):
    text = ask("flows", store, "--limit", "3", columns=columns).stdout
    assert max(map(len, text.splitlines())) <= columns
    assert "…" not in text
    for part in ("[2001:db8::7]:1324", "[2001:db8:ffff::53]:53", "1.2M", "1.5 s", "icmp 8"):
        assert part in text
    assert ("wlan0" in text) == ("idle" in text) == (columns == 120)


def test_a_pipe_gets_a_line_a_record(store):
    lines = ask("flows", store, "--limit", "2").stdout.splitlines()
    assert len(lines) == 4
    assert "wlan0" in lines[2]


def test_nothing_matches(store):
    done = ask("flows", store, "--port", "1")
    assert (done.returncode, done.stdout.strip()) == (0, "no records match")


@pytest.mark.parametrize(
    "words",
    [
        ["--host", "10.0.0.300"],
        ["--since", "yesterday"],
        ["--limit", "0"],
        ["--json", "--csv"],
        ["--port", "x"],
        ["--port", "99999"],
        ["--port=-1"],
        ["--port", "9" * 5000],
        ["--limit", "9223372036854775808"],
        ["--since", "9" * 5000 + "d"],
        ["--name", "."],
        ["--nosuch"],
    ],
)
def test_usage_errors_are_a_sentence(store, words):
    done = ask("flows", store, *words)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("flowherd flows: ")
    assert "invalid" not in done.stderr, "argparse's word for what it has no other for"


def test_settings_of_capture_are_nothing_to_it(tmp_path):
    """A target that follows the file's own rate, of which `flows` knows nothing; a folder with no name it knows."""
    (tmp_path / "f.toml").write_text("sample = 'auto'\n[interface.e]\nrecords_target = 9\n")
    done = flowherd("flows", f"--config={tmp_path}/f.toml", f"--state-dir={tmp_path}")
    assert (done.returncode, done.stderr[:21]) == (1, "flowherd: no store in")
    assert flowherd("flows", "--state-dir", "").returncode == 78
    assert "--state-dir" in flowherd("flows", "--help").stdout


def test_no_store_yet(tmp_path):
    done = ask("flows", tmp_path / "none")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_sizes_and_durations_are_short():
    assert [size(n) for n in (0, 999, 1000, 9_949, 9_950, 999_499, 999_500, 12_345_678)] == (
        ["0", "999", "1.0k", "9.9k", "10k", "999k", "1.0M", "12M"]
    )
    assert [duration(n) for n in (0, 5, 1500, 15 * 10**6, 15 * 10**8, 9 * 10**10, 10**13)] == (
        ["0", "5 ns", "1.5 µs", "15 ms", "1.5 s", "1.5 m", "2.8 h"]
    )


def test_moments():
    assert time.time_ns() - moment("2h") == pytest.approx(7200e9, rel=1e-3)
    assert moment("2023-11-14T22:13:20+00:00") == 1_700_000_000 * 10**9


def test_plain_values_are_jsons():
    assert plain(float("nan")) is None
    assert plain({"a": [b"\1", 1.5]}) == {"a": ["01", 1.5]}
