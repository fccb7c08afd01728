"""`flowherd replay` with real processes; the fake nursery makes one record of each file."""

import json
import shlex
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from supervisor.replay import Replay
from supervisor.session import Session, Verdict
from tests.supervisor.rig import DRIVE, flowherd, places


@pytest.fixture
def files(tmp_path):
    """A good file, an empty one, one that crashes its worker."""
    for name, content in {"good": "hi", "empty": "", "crash": "crash"}.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def replay(files, *names, sink="jsonl:-"):
    return flowherd("replay", *places(files), "--sink", sink, *(files / name for name in names))


def interfaces(done):
    return [Path(json.loads(line)["interface"]).name for line in done.stdout.splitlines()]


def test_records_go_to_stdout_and_words_to_stderr(files):
    done = replay(files, "good", "good")
    assert done.returncode == 0
    assert interfaces(done) == ["good", "good"]
    assert "flowherd: 2 packets captured; 2 flow records (jsonl:- 2); 0 packets dropped" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_done(files):
    done = replay(files, "none", "good", "empty", ".", "good")
    assert done.returncode == 1
    assert interfaces(done) == ["good", "good"]
    for sentence in ("none: no such file or directory", "empty: is empty", "is a folder"):
        assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["none", "empty", "."])
def test_where_nothing_was_read_there_is_nothing_to_sum_up(files, name):
    done = replay(files, name)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "packets captured" not in done.stderr


@pytest.mark.parametrize(
    ("form", "line"),
    [("text", "compiling kernels into {}: {} of 3"), ("json", '"into": "{}", "done": {}, "of": 3')],
)
def test_each_kernel_is_told_as_it_is_compiled(files, monkeypatch, form, line):
    """And where to, for that is where the next start will look."""
    monkeypatch.setenv("COMPILES", "3")
    done = flowherd("replay", *places(files), "--sink", "null", "--log-format", form, files / "good")
    told = [text for text in done.stderr.splitlines() if "compiling" in text]
    assert len(told) == 3
    for number, text in enumerate(told, 1):
        assert line.format(files / "cache", number) in text


def shell(files, closing, sink):
    words = [*DRIVE, "replay", *map(str, places(files)), "--sink", sink, str(files / "good")]
    return subprocess.run(
        f"{shlex.join(words)} {closing}", shell=True, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("closing", ["<&-", "2>&-", ">&- 2>&- <&-", "2>/dev/full"])
def test_standard_descriptors_may_be_closed(files, closing):
    """None of our own files becomes stdin, stdout or stderr."""
    done = shell(files, closing, f"jsonl:{files}/out")
    assert done.returncode == 0
    assert len((files / "out").read_text().splitlines()) == 1
    assert done.stdout == ""


def test_records_for_a_closed_stdout_are_a_mistake(files):
    done = shell(files, ">&-", "jsonl:-")
    assert (done.returncode, done.stderr) == (1, "flowherd: jsonl:-: standard output is closed\n")


@pytest.mark.parametrize(("limit", "code"), [("-n 12", 1), ("-n 64", 0), ("-Sn 64", 0)])
def test_few_descriptors_are_enough_or_a_sentence(files, limit, code):
    names = " ".join([str(files / "good")] * 200)
    words = shlex.join([*DRIVE, "replay", *map(str, places(files)), "--sink", "null"])
    done = subprocess.run(
        f"ulimit {limit}; {words} {names}",
        shell=True,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == code
    sentence = "200 packets captured; 200 flow records (null 200)" if code == 0 else "Too many open files"
    assert done.stderr.startswith(f"flowherd: {sentence}")


def test_a_name_may_hold_any_bytes(files):
    """A record takes what is text of it; a terminal takes no orders from it."""
    (files / "r\udcff\n\x1b[31m").write_text("hi")
    done = replay(files, "r\udcff\n\x1b[31m", "none\udcff\n")
    assert done.returncode == 1
    assert interfaces(done) == ["r\ufffd\n\x1b[31m"]
    assert "none\\udcff\\n: no such file" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_a_file_that_kills_its_workers_is_left_and_the_rest_goes_on(files):
    done = replay(files, "good", "crash", "good")
    assert done.returncode == 1
    assert interfaces(done) == ["good", "good"]
    assert "crash: killed by SIGSEGV" in done.stderr


def test_many_files_go_to_several_workers(files):
    done = replay(files, *["good"] * 450, sink="null")
    assert done.returncode == 0
    assert "450 flow records (null 450)" in done.stderr


def test_nothing_of_a_replay_stays_behind(files, monkeypatch):
    passing = files / "passing"
    passing.mkdir()
    monkeypatch.setenv("TMPDIR", str(passing))
    replay(files, "good")
    assert not list(passing.iterdir())
    assert not (files / "runtime").exists()


def test_a_replay_imports_nothing_it_does_not_need(files):
    code = (
        "import sys; from supervisor.replay import replay; "
        "assert not {'pyroute2', 'structlog', 'rich', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([DRIVE[0], "-c", code], check=True)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--sink", "bogus"], 78, "sink 'bogus' is not one of store[:DIR]"),
        (["--sink", "jsonl:/nowhere/x"], 1, "/nowhere/x: cannot be opened for records: No such file"),
        (["--bogus"], 2, "unknown option: --bogus"),
        (["--table-mib", "x"], 78, "--table-mib: 'x' is not a whole number"),
        (["--config", "/nowhere"], 78, "/nowhere: cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence(files, words, code, sentence):
    done = flowherd("replay", *places(files), files / "good", *words)
    assert code == done.returncode
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize("flag", ["--filter=tcp", "--interface=eth0", "--snaplen=64", "--core=1"])
def test_a_flag_for_live_capture_alone_is_refused(files, flag):
    done = flowherd("replay", *places(files), flag, "--sink", "null", files / "good")
    assert done.returncode == 2
    assert f"replay: {flag.split('=')[0]} is for live capture" in done.stderr


def test_what_a_full_disk_refused_is_said(files):
    """/dev/full: each write fails as on a full disk."""
    done = replay(files, "good", "good", sink="jsonl:/dev/full")
    assert done.returncode == 1
    assert "jsonl:/dev/full: 2 records were not delivered" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_cache_folder_it_only_says_so(files):
    done = flowherd("replay", "--cache-dir", "/proc/none", "--sink", "null", files / "good")
    assert done.returncode == 0
    assert "kernels are compiled for this run alone" in done.stderr
    assert "1 flow record (null 1)" in done.stderr


def test_an_interrupted_one_tells_how_many_files_it_did_not_begin(monkeypatch):
    """Those that wait, and those in the hand of the worker behind the one it is at."""
    monkeypatch.setattr(Session, "signalled", lambda *_: None)
    stopped = object.__new__(Replay)
    stopped._waiting, stopped.verdict = ["d"], Verdict()
    stopped.herd = SimpleNamespace(posts={"replay": SimpleNamespace(files=("a", "b", "c"), files_done=1)})
    stopped.signalled(signal.SIGINT)
    assert stopped.verdict.sentences == ["interrupted: 2 files not begun"]
