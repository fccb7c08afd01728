"""`query`: SQL over the store as a table, JSON or CSV; nothing else can be read, nothing written."""

import csv
import io
import json
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.sinks import store as stores
from tests.console.ask import ask, fill
from tests.exporter.test_store import place


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("store"), 3, 100)


def test_json_is_one_array(store):
    done = ask("query", store, "select bytes, src_addr, vlan from flows order by bytes limit 2", "--json")
    assert json.loads(done.stdout) == [
        {"bytes": 0, "src_addr": "10.0.0.0", "vlan": None},
        {"bytes": 1, "src_addr": "10.0.0.1", "vlan": None},
    ]


def test_columns_of_one_name_are_told_apart(store):
    sql = "select 1 as a, 2 as a, 3 as a_1, 4 as a"
    told = [{"a": 1, "a_2": 2, "a_1": 3, "a_3": 4}]
    assert json.loads(ask("query", store, sql, "--json").stdout) == told
    assert ask("query", store, sql, "--csv").stdout == "a,a_2,a_1,a_3\n1,2,3,4\n"


@pytest.mark.root
def test_who_may_not_read_it_is_told_who_may(folder):
    closed = folder / "store"
    closed.mkdir()
    fill(closed, 1, 1)
    closed.chmod(0o750)
    os.chown(closed, 0, 0)
    nobody = pwd.getpwnam("nobody")
    words = [sys.executable, "-I", "-m", "console", "query", "--store", closed, "select 1"]
    done = subprocess.run(
        words,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"flowherd: store {closed} may not be read by you: run it with sudo, or join the group root\n"
    )


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_times_compare_with_now_in_every_zone(store, zone):
    """The times are UTC; now() is, wherever the host is."""
    sql = "select count(*) as seen from flows where start_time < now()"
    assert json.loads(ask("query", store, sql, "--json", zone=zone).stdout) == [{"seen": 300}]
    sql = "select abs(epoch(now()) - epoch(now()::timestamp)) < 1 as same, now() as moment"
    told = json.loads(ask("query", store, sql, "--json", zone=zone).stdout)[0]
    assert told["same"]
    assert told["moment"].endswith("+00:00")


def test_csv_has_a_header(store):
    done = ask("query", store, "select bytes, vlan from flows order by bytes limit 2", "--csv")
    assert list(csv.reader(io.StringIO(done.stdout))) == [["bytes", "vlan"], ["0", ""], ["1", ""]]


def test_a_table_lines_up_numbers(store):
    done = ask(
        "query",
        store,
        "select proto, sum(bytes) as total, src_port from flows group by all order by 2 desc limit 3",
    )
    head, _, *rows = done.stdout.splitlines()
    assert head.split() == ["proto", "total", "src_port"]
    assert {len(row.rstrip()) for row in rows} == {len(head.rstrip())}


def test_large_numbers_can_be_read(store):
    done = ask("query", store, "select 1234567::ubigint n, 443::usmallint p, start_ns from flows limit 1")
    assert "1,234,567" in done.stdout
    assert "1700000000000" in done.stdout


def test_what_is_too_wide_stands_in_blocks(store):
    done = ask("query", store, "select * from flows limit 2", columns=80)
    assert "row 2" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "src_addr" in done.stdout


def test_times_are_also_timestamps(store):
    done = ask("query", store, "select min(start_time) t from flows", "--json")
    assert json.loads(done.stdout) == [{"t": "2023-11-14T22:13:20"}]


def test_no_rows(store):
    assert ask("query", store, "select bytes from flows where false", "--json").stdout == "[]\n"


def test_a_store_without_a_segment_has_all_columns(tmp_path):
    empty = stores.Store(place(tmp_path))
    empty.open(0)
    empty.close()
    assert json.loads(ask("query", tmp_path, "select count(tcp_flags) n from flows", "--json").stdout) == [
        {"n": 0}
    ]


@pytest.mark.parametrize("sql", ["selec 1", "select nothing from flows", "select 1 from elsewhere"])
def test_bad_sql_is_a_sentence(store, sql):
    done = ask("query", store, sql)
    assert done.returncode == 1
    assert done.stderr.startswith("flowherd: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_title_in_brackets_is_no_style(store):
    assert "[/x]" in ask("query", store, 'select 1 as "[/x]"').stdout


def test_words_that_are_not_text_are_a_sentence(store):
    done = ask("query", store, "select '\udcff'")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_full_disk_behind_stdout_is_one_sentence(store):
    run = [sys.executable, "-I", "-m", "console", "query", "--store", str(store), "select 1"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "flowherd: No space left on device\n")


def test_no_store_yet(tmp_path):
    done = ask("query", tmp_path / "none", "select 1")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "start flowherd" in done.stderr


def test_a_damaged_manifest_is_a_sentence(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    done = ask("query", tmp_path, "select 1")
    assert done.returncode == 1
    assert "manifest.json is damaged" in done.stderr


FORBIDDEN = [
    "copy (select 1) to '{out}'",
    "copy (select 1) to '{segment}' (use_tmp_file false)",
    "explain analyze copy (select 1) to '{segment}' (use_tmp_file false)",
    "select 1; copy (select 1) to '{out}'",
    "create table t as select 1",
    "attach '{out}'",
    "set enable_external_access = true",
    "install httpfs",
    "pragma version",
    "export database '{out}'",
    "select * from read_text('/etc/passwd')",
    "select * from read_csv('/etc/passwd')",
    "select * from glob('/etc/*')",
    "from '/etc/passwd'",
    "from sys",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_sql_cannot_write_or_read_elsewhere(store, tmp_path, sql):
    segment = next(store.glob("*.parquet"))
    before = segment.read_bytes()
    done = ask("query", store, sql.format(out=tmp_path / "out", segment=segment))
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1
    assert "root:" not in done.stdout + done.stderr
    assert segment.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_is_no_error(store):
    """`flowherd query … | head`: no traceback."""
    run = [sys.executable, "-I", "-m", "console", "query", "--store", str(store), "--csv"]
    process = subprocess.Popen(
        [*run, "select * from flows, range(1000)"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(30) == -signal.SIGPIPE
    process.stderr.close()


@pytest.mark.parametrize("words", [[], ["query"], ["sing"], ["query", "--store", os.devnull]])
def test_usage_errors(words):
    done = subprocess.run(
        [sys.executable, "-I", "-m", "console", *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
