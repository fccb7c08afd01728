"""Start, status page, what `ps` shows, and the end."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from proxy.run import run
from proxy.settings import Settings
from shared.errors import FlowherdError
from tests.proxy.rig import PATIENCE_S, PROXY, everything, exactly, head, running, server, until


def echo(sock):
    while piece := sock.recv(1000):
        sock.sendall(piece)


def test_a_drain_waits_for_tunnels_and_for_nobody_idle():
    def talk(sock):
        if head(sock).startswith(b"GET"):
            sock.sendall(b"HTTP/1.1 204 OK\r\n\r\n")
        else:
            echo(sock)

    with server(talk) as port, running("--allow", f"localhost:{port}") as proxy:
        with (
            proxy.tunnel(port) as busy,
            proxy.connect(f"GET http://localhost:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode()) as idle,
        ):
            assert head(idle).startswith(b"HTTP/1.1 204 ")
            busy.sendall(b"x\r\n\r\n")
            proxy.process.send_signal(signal.SIGTERM)
            assert everything(idle) == b""
            busy.sendall(b"still here")
            assert exactly(busy, 10) == b"still here"
            with pytest.raises(ConnectionRefusedError):
                proxy.connect()
            assert (proxy.status().status_code, proxy.status().json()["status"]) == (503, "draining")
        code, said = proxy.end()
        assert (code, "ended connections=2 refused=0 cut=0" in said) == (0, True)


@pytest.mark.parametrize("words", [("--drain-s", "0.3"), ()])
def test_the_end_comes_by_time_or_by_a_second_signal(words):
    with (
        server(echo) as port,
        running("--allow", f"localhost:{port}", *words) as proxy,
        proxy.tunnel(port) as client,
    ):
        proxy.process.send_signal(signal.SIGTERM)
        if not words:
            until(lambda: proxy.status().json()["status"] == "draining")
            proxy.process.send_signal(signal.SIGTERM)
        code, said = proxy.end()
        assert (code, "cut=1" in said) == (0, True)
        assert everything(client) == b""


def test_no_token_in_ps_or_among_what_children_would_inherit():
    words = ["-api_token", "SECRET1", "-api_email=SECRET2", "--api-pass", "SECRET3"]
    with running(*words) as proxy:
        told = Path(f"/proc/{proxy.process.pid}/cmdline").read_bytes()
        assert told.rstrip(b"\0") == b"flowherd proxy"
        assert "SECRET" not in proxy.stop()[1]


def test_through_flowherd_a_token_in_the_environment_goes_no_further():
    command = [
        PROXY[0],
        "-I",
        "-m",
        "supervisor",
        "proxy",
        "-proxy-http=127.0.0.1:0",
        "--status",
        "off",
        "--user=nobody",
    ]
    env = {**os.environ, "KENTIK_API_TOKEN": "SECRET1", "KENTIK_TOKEN": "SECRET2"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=env, text=True)
    try:
        assert "listening" in process.stderr.readline()
        assert b"SECRET" not in Path(f"/proc/{process.pid}/environ").read_bytes()
        process.terminate()
        assert "cut=0" in process.communicate(timeout=PATIENCE_S)[1]
        assert process.returncode == 0
    finally:
        process.kill()


@pytest.mark.root
def test_root_becomes_somebody_without_rights():
    with running() as proxy:
        status = Path(f"/proc/{proxy.process.pid}/status").read_text()
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert set(lines["Uid"].split()) != {"0"}
        assert "0" not in lines["Uid"].split()
        assert int(lines["CapEff"], 16) == 0


def refused(*words):
    done = subprocess.run([*PROXY, *words], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.returncode, done.stderr


def test_what_cannot_be_had_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        code, said = refused("--listen", where)
        assert (code, "Address already in use; choose another with --listen" in said) == (78, True)
        code, said = refused("--listen", "127.0.0.1:0", "--status", where)
        assert (code, "choose another with --status" in said) == (78, True)
    code, said = refused("--listen", "nowhere.invalid:1")
    assert (code, "cannot be listened on" in said) == (78, True)
    code, said = refused("--max-connections", "999999999")
    assert (code, "descriptors" in said) == (78, True)
    assert refused("--nonsense")[0] == 2


def test_h11_is_an_extra(monkeypatch):
    monkeypatch.setattr("proxy.run.find_spec", lambda _: None)
    with pytest.raises(FlowherdError, match=r"flowherd\[proxy\]"):
        run(Settings())


def test_status_page():
    with running() as proxy:
        assert proxy.status().json() == {
            "status": "ok",
            "open": 0,
            "limit": 1000,
            "connections": 0,
            "refused": 0,
        }
        assert proxy.status("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert proxy.status("/").status_code == 404
        assert proxy.status("/v1/health?x").status_code == 200
        with socket.create_connection(("127.0.0.1", proxy.status_port), timeout=PATIENCE_S) as sock:
            sock.sendall(b"POST /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert everything(sock).startswith(b"HTTP/1.1 405 ")
        with socket.create_connection(("127.0.0.1", proxy.status_port), timeout=PATIENCE_S) as sock:
            sock.sendall(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert everything(sock).endswith(b"\r\n\r\n")


def test_every_address_at_once():
    with running("--listen", ":0") as proxy:
        for host in ("127.0.0.1", "::1"):
            try:
                with socket.create_connection((host, proxy.port), timeout=PATIENCE_S) as sock:
                    sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert everything(sock).startswith(b"HTTP/1.1 400 ")
            except OSError:
                assert host == "::1"  # a host without IPv6
