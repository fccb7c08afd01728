"""The nursery's process is there before the command line is read, knows no secret, and goes when nobody takes it."""

import os
import signal
from pathlib import Path

import pytest

from supervisor import head_start
from supervisor.flags import VERBS


@pytest.fixture
def started(monkeypatch):
    """Its pid and channel."""
    monkeypatch.setenv("KENTIK_TOKEN", "s3cret")
    monkeypatch.setenv("FLOWHERD_EMAIL", "me@example.com")
    head_start.give(["--interface", "eth0"])
    pid, channel = head_start.take()
    yield pid, channel
    channel.close()


def test_it_waits_for_orders_and_knows_no_secret(started):
    pid, channel = started
    environ = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"PATH=" in environ
    assert not [word for word in (b"s3cret", b"me@example.com") if word in environ]
    assert head_start.take() is None
    channel.close()  # as when the supervisor ends
    assert os.waitpid(pid, 0)[1] == 0


def test_it_is_killed_when_nobody_took_it():
    head_start.give([])
    pid, channel = head_start._waiting[0]
    head_start.call_off()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    channel.close()


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in {"run", "replay", "dns", "radius"}])
def test_verbs_without_workers_start_none(verb):
    head_start.give(["--state-dir", "x", verb])
    assert head_start.take() is None
