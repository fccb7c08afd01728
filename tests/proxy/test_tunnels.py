"""CONNECT: TLS from end to end, octets both ways, and every way a tunnel may end."""

import contextlib
import hashlib
import os
import socket
import struct
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.proxy.rig import echo, everything, exactly, head, needs_curl, running, server, until


def test_requests_through_a_tunnel(authority):
    ca, context = authority
    body = os.urandom(300_000)
    with echo(context) as web, running("--allow", f"localhost:{web.server_port}") as proxy:
        url = f"https://localhost:{web.server_port}/chf?sid=0"
        with requests.Session() as session:
            for _ in range(3):
                told = session.post(
                    url, data=body, proxies=proxy.urls, verify=ca, headers={"X-Hop": "mine"}
                ).content
                assert told == body  # the response itself, if kept, would keep the connection open
        until(lambda: proxy.status().json()["open"] == 0)
        assert [seen[1]["X-Hop"] for seen in web.seen] == ["mine"] * 3
        assert all(seen[1]["Via"] is None for seen in web.seen)
        assert proxy.count("host_tunnels_total", '{host="localhost"}') == 1
        assert proxy.count("host_sent_bytes_total", '{host="localhost"}') > 3 * len(body)
        assert proxy.count("host_received_bytes_total", '{host="localhost"}') > 3 * len(body)
        assert proxy.count("host_open", '{host="localhost"}') == 0


@needs_curl
def test_curl_through_a_tunnel(authority):
    ca, context = authority
    with echo(context) as web, running("--allow", f"localhost:{web.server_port}") as proxy:
        command = [
            "curl",
            "-sS",
            "--cacert",
            ca,
            "-x",
            proxy.url,
            "-d",
            "hello",
            f"https://localhost:{web.server_port}/x",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (0, "hello", "")


def reverse(sock):
    """Answers only once the client has said all."""
    sock.sendall(everything(sock)[::-1])


def test_the_client_says_all_first():
    with (
        server(reverse) as port,
        running("--allow", f"localhost:{port}") as proxy,
        proxy.tunnel(port) as client,
    ):
        client.sendall(b"abc" * 100_000)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b"cba" * 100_000


def test_the_server_says_all_first():
    heard = []

    def talk(sock):
        sock.sendall(b"banner")
        sock.shutdown(socket.SHUT_WR)
        heard.append(everything(sock))

    with server(talk) as port, running("--allow", f"localhost:{port}") as proxy, proxy.tunnel(port) as client:
        assert everything(client) == b"banner"
        client.sendall(b"x" * 500_000)
        client.shutdown(socket.SHUT_WR)
        until(lambda: heard)
        assert len(heard[0]) == 500_000
        until(lambda: proxy.status().json()["open"] == 0)


def test_what_a_hasty_client_sends_with_connect_is_passed_on():
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(server(reverse))
        proxy = stack.enter_context(running("--allow", f"localhost:{port}"))
        asked = f"CONNECT localhost:{port} HTTP/1.1\r\nHost: x\r\n\r\nhasty".encode()
        client = stack.enter_context(proxy.connect(asked))
        client.shutdown(socket.SHUT_WR)
        assert head(client).startswith(b"HTTP/1.1 200 ")
        assert everything(client) == b"ytsah"


@pytest.mark.parametrize("who", ["client", "server"])
def test_one_side_breaks_off(who):
    broken = struct.pack("ii", 1, 0)
    ended = []

    def talk(sock):
        sock.sendall(b"hello")
        if who == "server":
            exactly(sock, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, broken)
        else:
            try:
                ended.append(everything(sock))
            except ConnectionResetError:
                ended.append(b"reset")

    with server(talk) as port, running("--allow", f"localhost:{port}") as proxy:
        client = proxy.tunnel(port)
        assert exactly(client, 5) == b"hello"
        if who == "client":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, broken)
            client.close()
            until(lambda: ended)
        else:
            client.sendall(b"x")
            with client, pytest.raises(ConnectionResetError):
                everything(client)
        until(lambda: proxy.status().json()["open"] == 0)
        assert proxy.count("broken_total") == 1


def test_a_silent_tunnel_is_closed_and_a_busy_one_is_not():
    def talk(sock):
        while piece := sock.recv(1):
            sock.sendall(piece)

    with server(talk) as port, running("--allow", f"localhost:{port}", "--idle-s", "0.6") as proxy:
        silent, busy = proxy.tunnel(port), proxy.tunnel(port)

        def is_closed():
            busy.sendall(b"x")
            assert exactly(busy, 1) == b"x"
            return proxy.count("idle_closed_total") == 1

        with silent, busy:
            until(is_closed)
            assert silent.recv(1) == b""
            busy.sendall(b"y")
            assert exactly(busy, 1) == b"y"


def resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_a_slow_reader_slows_the_sender_and_costs_little_memory():
    go, total, taken = threading.Event(), 64 << 20, []

    def talk(sock):
        assert go.wait(30)
        digest, count = hashlib.sha256(), 0
        while piece := sock.recv(1 << 16):
            digest.update(piece)
            count += len(piece)
        taken.append((count, digest.digest()))

    with server(talk) as port, running("--allow", f"localhost:{port}") as proxy, proxy.tunnel(port) as client:
        before = resident_kib(proxy.process)
        client.settimeout(1)
        block, sent = bytes(range(256)) * 256, 0
        with contextlib.suppress(TimeoutError):
            while sent < total:
                sent += client.send(block[sent % len(block) :])
        assert sent < total
        assert resident_kib(proxy.process) - before < 4096
        client.settimeout(30)
        go.set()
        while sent < total:
            sent += client.send(block[sent % len(block) :][: total - sent])
        client.shutdown(socket.SHUT_WR)
        until(lambda: taken)
        assert taken == [(total, hashlib.sha256(block * (total // len(block))).digest())]


def test_many_at_once(authority):
    ca, context = authority
    bodies = [os.urandom(20_000) for _ in range(120)]
    with echo(context) as web, running("--allow", f"localhost:{web.server_port}") as proxy:
        url = f"https://localhost:{web.server_port}/"

        def post(body):
            return requests.post(url, data=body, proxies=proxy.urls, verify=ca, timeout=60).content

        with ThreadPoolExecutor(24) as pool:
            assert list(pool.map(post, bodies)) == bodies
        assert proxy.count("host_tunnels_total", '{host="localhost"}') == len(bodies)
        until(lambda: proxy.status().json()["open"] == 0)


def test_many_open_at_once():
    """As many as may be, each with an end of its own."""
    with (
        server(reverse) as port,
        running("--allow", f"localhost:{port}", "--max-connections", "300") as proxy,
    ):
        clients = [proxy.tunnel(port) for _ in range(300)]
        assert proxy.status().status_code == 503
        assert proxy.status().json()["status"] == "full"
        for number, client in enumerate(clients):
            client.sendall(str(number).encode())
            client.shutdown(socket.SHUT_WR)
        for number, client in enumerate(clients):
            with client:
                assert everything(client) == str(number).encode()[::-1]
        until(lambda: proxy.status().json()["open"] == 0)
