"""Who hangs in a kernel shows its stack at SIGABRT; a nursery that fails says why."""

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from shared import channel
from worker import nursery

ROOT = Path(__file__).resolve().parents[2]
HANGS = """
import faulthandler, sys
faulthandler.enable()
import numba
from worker.jit import OPTIONS

@numba.njit("int64(int64)", **OPTIONS)
def hang(word):
    while word:
        word = (word * 3) | 1
    return word

def capture_for_ever():
    print("hanging", flush=True)
    hang(1)

capture_for_ever()
"""


def test_the_stack_of_who_hangs_in_a_kernel():
    words = [sys.executable, "-c", HANGS]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGABRT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in said
    assert "in capture_for_ever" in said


def test_a_nursery_that_fails_says_why_in_one_line(monkeypatch, capsys):
    def fail(*_):
        raise RuntimeError("\nFailed in nopython mode pipeline\nFile meter.py, line 7")

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(nursery, "start", fail)
    with ours, theirs:
        assert not nursery.started(theirs, {})
        message, _ = channel.receive(ours)
    assert message["why"] == "the kernels cannot be made: RuntimeError: Failed in nopython mode pipeline"
    assert "Traceback" in capsys.readouterr().err


def test_a_cache_without_room_is_no_bug_of_ours(monkeypatch, capsys):
    """One sentence with the remedy, and no trace."""

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(nursery, "start", fail)
    with ours, theirs:
        assert not nursery.started(theirs, {"cache_dir": "/var/cache/flowherd"})
        message, _ = channel.receive(ours)
    assert message["why"] == (
        "the kernels cannot be made: no room is left on the disk of /var/cache/flowherd; "
        "make some, or --cache-dir DIR elsewhere"
    )
    assert capsys.readouterr().err == ""


def test_a_fork_that_fails_is_told(monkeypatch):
    """No memory or too many processes: the nursery goes on, and closes what it was handed."""

    def fail():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(os, "fork", fail)
    handed = os.open(os.devnull, os.O_RDONLY)
    with ours, theirs:
        before = len(list(Path("/proc/self/fd").iterdir()))
        nursery.fork(theirs, {"name": "eth0"}, [handed])
        assert len(list(Path("/proc/self/fd").iterdir())) == before - 1
        message, _ = channel.receive(ours)
    assert message == {
        "did": "failed",
        "name": "eth0",
        "why": "no process could be had: Resource temporarily unavailable",
    }
