"""What systemd hears: a real flowherd on the other end of a real datagram socket."""

import os
import signal
import socket

import pytest

from supervisor.notify import Notifier, in_words
from supervisor.snapshot import Row, Snapshot
from tests.supervisor.rig import namespace, running

STARTING = Snapshot((Row("eth0", "running"), Row("eth1", "starting")))
RUNNING = Snapshot((Row("eth0", "running", packets_s=1234.4, dropped=2), Row("eth1", "fatal")))


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(20)
        yield sock


def heard(sock):
    """All that is there."""
    sock.setblocking(False)
    found = []
    try:
        while True:
            found.append(sock.recv(4096).decode())
    except BlockingIOError:
        return found


@pytest.mark.root
def test_a_start_a_life_and_an_end(tmp_path, monkeypatch, systemd):
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    with namespace() as inside, running(tmp_path, inside, "-i", "vb") as service:
        said = [systemd.recv(4096).decode()]
        while said.count("WATCHDOG=1") < 2 or "READY=1" not in said:
            said.append(systemd.recv(4096).decode())
        assert service.running("vb")
        for pid in service.children():
            with open(f"/proc/{pid}/environ", "rb") as environment:  # noqa: PTH123
                assert b"NOTIFY_SOCKET" not in environment.read()
        assert service.stop(signal.SIGTERM) == 0
    later = heard(systemd)
    assert "STATUS=1 of 1 interface watched, 0 packets/s, 0 dropped" in said + later
    assert (said + later).count("READY=1") == (said + later).count("STOPPING=1") == 1
    assert {"STOPPING=1", "STATUS=done"} <= set(later[-3:])


def test_ready_waits_for_every_start_and_for_no_failure(systemd):
    notifier = Notifier({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.show(STARTING, 1.0)
    assert [line for line in heard(systemd) if "STATUS" not in line] == []
    notifier.show(RUNNING, 2.0)
    notifier.show(RUNNING, 3.0)
    assert heard(systemd) == [f"STATUS={in_words(RUNNING)}", "READY=1"]


def test_an_abstract_name(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0flowherd-{os.getpid()}")
        Notifier({"NOTIFY_SOCKET": f"@flowherd-{os.getpid()}"}).show(RUNNING, 1.0)
        assert heard(sock)[-1] == "READY=1"


def test_nobody_asks_and_nobody_is_told():
    environment = {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}
    Notifier(environment).show(RUNNING, 1.0)
    assert environment == {}


def test_a_socket_that_is_gone_stops_nobody(tmp_path):
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nowhere")}).show(RUNNING, 1.0)


def test_words_for_people():
    assert in_words(RUNNING) == "1 of 2 interfaces watched, 1,234 packets/s, 2 dropped"
    assert in_words(Snapshot((), phase="compiling kernels")) == "compiling kernels"
