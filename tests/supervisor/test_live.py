"""The table people watch."""

from dataclasses import replace

import pytest
from rich.console import Console

from supervisor.live import count, render, span
from supervisor.screen import shorter
from supervisor.snapshot import Rates, Row, Snapshot, dropped

TALK = {
    "src": "2001:db8::1",
    "dst": "10.0.0.2",
    "proto": 6,
    "port": 443,
    "app": "tls",
    "bytes": 14512345,
    "packets": 12,
}
ROWS = (
    Row("eth0", "running", 1, 7, 0, 12450.2, 98.1e6, 1204, 1234567, 0),
    Row("eth2", "backoff", 2, restarts=3, why="killed by SIGKILL, by hand or because memory ran out"),
)
SHOWN = Snapshot(ROWS, 3725.0, delivered={"store": 5}, top=(TALK,) * 30, version="1")


def text(shown, width, height=30):
    console = Console(width=width, height=height, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(render(shown, width, height))
    return console.export_text()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_it_fits_any_width_and_the_height(width):
    lines = text(SHOWN, width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 30


@pytest.mark.parametrize("width", [80, 120])
def test_it_says_what_matters(width):
    shown = text(SHOWN, width)
    for part in (
        "1 of 2 interfaces watched",
        "12.5 k",
        "98.1 M",
        "1,204",
        "eth2: killed by SIGKILL",
        "tcp/443 tls",
    ):
        assert part in shown


@pytest.mark.parametrize("width", range(40, 130, 7))
def test_no_number_is_cut_off(width):
    """It would be another: 12,345 drops are not 12."""
    row = Row("enp3s0f1np1", "running", 1, packets_s=123456.0, bits_s=1e9, flows=500_000, dropped=12_345)
    (line,) = (line for line in text(Snapshot((row,)), width).splitlines() if "running" in line)
    words = line.partition("running")[2].split()
    assert {"123", "k", "12,345"} <= set(words)
    assert set(words) <= {"1", "123", "k", "1.00", "G", "500,000", "0", "12,345"}


def test_what_the_spool_cannot_take_is_said():
    full = replace(SHOWN, spool_error="no room is left on the disk of /spool")
    shown = text(full, 120)
    assert (
        "the spool takes nothing, workers keep their records: no room is left on the disk of /spool" in shown
    )
    assert len(shown.splitlines()) <= 30


def test_records_that_were_dropped_are_said():
    assert (
        dropped({"records_dropped": 1200}) == "1,200 records dropped: the exporter did not take them in time"
    )
    assert dropped({"records_dropped": 0}) == dropped({}) == ""


def test_nothing_yet():
    assert "no interface to watch yet" in text(Snapshot(()), 80)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 "),
        (999, "999 "),
        (1000, "1.00 k"),
        (12345, "12.3 k"),
        (99960, "100 k"),
        (999600, "1.00 M"),
        (2e15, "2000 T"),
    ],
)
def test_three_digits(value, expected):
    assert expected == count(value)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(5, "5 s"), (65, "1 min 05 s"), (3725, "1 h 02 min"), (90000, "1 d 01 h")]
)
def test_spans(seconds, expected):
    assert expected == span(seconds)


def test_rates_need_two_readings_and_survive_a_new_table():
    rates = Rates()
    assert rates.of("e", 1.0, {"packets_received": 10, "octets_received": 100}) is None
    assert rates.of("e", 3.0, {"packets_received": 20, "octets_received": 200}) == (5.0, 400.0)
    assert rates.of("e", 4.0, {"packets_received": 1, "octets_received": 10}) is None


def test_what_is_under_way_has_a_line_of_its_own():
    note = "compiling kernels into /var/cache/flowherd: 6 of 9"
    lines = text(Snapshot(ROWS, 3.0, phase=note), 80).splitlines()
    assert note in map(str.strip, lines)


def test_log_lines_above_the_table_are_short():
    line = "2026-11-22T21:46:57Z error   supervisor: worker ended interface=eth0"
    assert shorter(line) == "21:46:57 error   worker ended interface=eth0"
    assert shorter("Traceback: 2026-11-22T21:46:57Z") == "Traceback: 2026-11-22T21:46:57Z"
