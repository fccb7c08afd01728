"""The control socket and whoever abuses it: the supervisor answers the others and never waits."""

import contextlib
import json
import random
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import FlowherdError
from supervisor import control
from supervisor.control import CALLERS, Control, ask
from supervisor.loop import Loop

HUGE = {"text": "x" * 3_000_000}


class Host:
    """A control socket and its loop; `work` turns it as the service does."""

    def __init__(self, folder):
        self.folder, self.loop, self.asked = folder, Loop(), []
        self.control = Control(folder, self.loop, self.answer)

    def answer(self, request):
        self.asked.append(request)
        if request.get("do") == "fail":
            raise FlowherdError("cannot be done")
        return HUGE if request.get("do") == "huge" else {"done": request.get("do")}

    def call(self, data=b""):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.folder / control.NAME))
        sock.sendall(data)
        return sock

    def work(self, turns=4):
        for _ in range(turns):
            self.loop.turn(0.0)

    def answered(self, sock):
        """What comes back while the loop turns."""
        sock.setblocking(False)
        got = b""
        while True:
            self.work(1)
            with contextlib.suppress(BlockingIOError):
                data = sock.recv(1 << 20)
                got += data
                if not data:
                    return json.loads(got)


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    yield made
    made.control.close()
    made.loop.close()


def test_a_line_is_answered_whatever_comes_behind_it(host):
    assert host.answered(host.call(b'{"do": "status"}\n')) == {"done": "status"}
    assert host.answered(host.call(b'{"do": "status"}\n{"do": "more"}\n')) == {"done": "status"}
    assert host.asked == [{"do": "status"}] * 2


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"\xff\xfe garbage\n", "not a line of JSON"),
        (b"[" * 4000 + b"\n", "not a line of JSON"),
        (b"9" * 4090 + b"\n", "not a map"),
        (b"[1]\n", "not a map"),
        (b"\n", "not a line of JSON"),
        (b"x" * 5000, "not a line of at most 4096 bytes"),
    ],
)
def test_what_is_no_request_gets_a_sentence(host, line, error):
    assert host.answered(host.call(line)) == {"error": error}


def test_a_refusal_has_its_code(host):
    assert host.answered(host.call(b'{"do": "fail"}\n')) == {"error": "cannot be done", "code": 1}


def test_half_a_line_waits_for_its_other_half(host):
    sock = host.call(b'{"do": ')
    host.work()
    assert not host.asked
    sock.sendall(b'"status"}\n')
    assert host.answered(sock) == {"done": "status"}


def test_half_a_line_and_gone(host):
    host.call(b'{"do": ').close()
    sock = host.call(b'{"do": ')
    sock.shutdown(socket.SHUT_WR)
    assert host.answered(sock) == {"error": "not a line of at most 4096 bytes"}


def test_callers_that_say_nothing_are_left_and_hold_nobody_up(host):
    silent = []
    for _ in range(4 * CALLERS):
        silent.append(host.call())
        host.work(2)
    assert host.answered(host.call(b'{"do": "status"}\n')) == {"done": "status"}
    host.control.tick(time.monotonic() + control.PATIENCE_S + 1)
    for sock in silent:
        sock.settimeout(1.0)
        assert sock.recv(1) == b"", "left"


def test_who_does_not_read_its_answer_holds_nobody_up(host):
    deaf = host.call(b'{"do": "huge"}\n')
    host.work(8)
    assert host.answered(host.call(b'{"do": "status"}\n')) == {"done": "status"}
    assert host.answered(deaf) == HUGE


def test_without_descriptors_it_listens_again_later(host, monkeypatch):
    class Refusing:
        fileno, close = host.control._sock.fileno, host.control._sock.close

        def accept(self):
            raise OSError(24, "Too many open files")

    listening = host.control._sock
    monkeypatch.setattr(host.control, "_sock", Refusing())
    sock = host.call(b'{"do": "status"}\n')
    host.work()
    assert not host.asked
    monkeypatch.setattr(host.control, "_sock", listening)
    host.control.tick(time.monotonic())
    assert host.answered(sock) == {"done": "status"}


def test_a_socket_that_was_removed_is_made_again(host):
    (host.folder / control.NAME).unlink()
    assert not host.control.is_there
    host.control.renew()
    assert host.answered(host.call(b'{"do": "status"}\n')) == {"done": "status"}


def test_who_is_not_root_is_told_of_roots(tmp_path, monkeypatch):
    """Their own folder is not where it is asked."""
    (tmp_path / "roots").touch()
    monkeypatch.setattr(control, "ROOTS", tmp_path / "roots")
    with pytest.raises(FlowherdError, match="no flowherd is running here"):
        ask(str(tmp_path / "own"), {"do": "status"})
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(FlowherdError, match=r"/roots only root may ask, so run it with sudo"):
        ask(str(tmp_path / "own"), {"do": "status"})


def test_ask_without_anybody_there(tmp_path):
    with pytest.raises(FlowherdError, match="no flowherd is running here"):
        ask(str(tmp_path), {"do": "status"})


@given(st.binary(max_size=300), st.randoms(use_true_random=False))
def test_any_bytes_in_any_pieces(tmp_path_factory, data, rng: random.Random):
    host = Host(tmp_path_factory.mktemp("host"))
    sock = host.call()
    while data:
        cut = rng.randrange(1, len(data) + 1)
        with contextlib.suppress(BrokenPipeError):
            sock.sendall(data[:cut])
        data = data[cut:]
        host.work(1)
    sock.close()
    assert host.answered(host.call(b'{"do": "status"}\n')) == {"done": "status"}
    host.control.close()
    host.loop.close()
