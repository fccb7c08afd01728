"""The log of a whole run: JSON to the last line, though a process dies with a trace of many lines."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.host import FLOWHERD, children, flowherd, until, wire

pytestmark = [pytest.mark.root, pytest.mark.slow]


def test_every_line_of_a_run_is_json(folder):
    """Also what the exporter's interpreter says when it is broken off, and the totals."""
    with wire() as place, flowherd(place, folder, "--log-format", "json") as live:
        live.capturing()
        (exporter,) = children(live.process.pid, "exporter")
        os.kill(exporter, signal.SIGSEGV)
        until(lambda: "exporter ended, starting again" in live.said(), live.said)
        live.stop()
        lines = [json.loads(line) for line in live.said().splitlines()]
    assert {"time", "level", "process", "event"} <= set.intersection(*map(set, lines))
    events = [line["event"] for line in lines]
    assert "capturing" in events
    assert any("packets captured" in event for event in events)
    assert next(line for line in lines if line["event"] == "capturing")["interface"] == "vb"


@pytest.mark.parametrize(("words", "begins"), [(("--log-format", "json"), "{"), ((), "<3>flowherd: ")])
def test_a_mistake_is_told_in_the_same_form(folder, words, begins):
    """Before there is any process; the second as below systemd, whose stream stderr is."""
    out = folder / "stderr"
    with out.open("w") as stream:
        seen = os.fstat(stream.fileno())
        environ = os.environ | {"JOURNAL_STREAM": f"{seen.st_dev}:{seen.st_ino}"}
        command = [*FLOWHERD, "replay", "/nonexistent.pcap", "--sink", "null", *words]
        places = [f"--state-dir={folder}/state", f"--cache-dir={folder}/cache"]
        subprocess.run([*command, *places], stderr=stream, env=environ, check=False, timeout=60)
    assert out.read_text().startswith(begins)
    assert "/nonexistent.pcap: no such file or directory" in out.read_text()


def test_a_trace_of_a_child_is_wrapped(folder):
    """A nursery that cannot even start writes a trace of many lines; each is an object."""
    broken = Path(folder, "drive.py")
    broken.write_text(
        "import sys\nfrom supervisor.cli import main\nfrom supervisor.nursery import Nursery\n"
        "Nursery.words = (sys.executable, '-c', 'def f(): 1 / 0\\nf()')\nsys.exit(main())\n"
    )
    capture = folder / "x.pcap"
    capture.write_bytes(b"x")
    command = [sys.executable, broken, "replay", capture, "--sink", "null", "--log-format", "json"]
    places = [f"--state-dir={folder}/state", f"--cache-dir={folder}/cache"]
    done = subprocess.run([*command, *places], capture_output=True, text=True, check=False, timeout=60)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert "ZeroDivisionError: division by zero" in [
        line["event"] for line in lines if line["process"] == "child"
    ]
    assert done.returncode == 1
