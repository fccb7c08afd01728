"""Absolute-form requests, kept alive, pipelined, in every framing."""

import hashlib
import os
import socket
import subprocess

import pytest
import requests

from tests.proxy.rig import echo, everything, exactly, head, hearing, needs_curl, running, server, until


@pytest.fixture(scope="module")
def behind():
    """A proxy and the HTTP server it may reach."""
    with echo() as web, running("--allow", f"localhost:{web.server_port}") as proxy:
        web.url = f"http://localhost:{web.server_port}"
        yield proxy, web


def test_requests_keeps_its_connection(behind):
    proxy, web = behind
    before = proxy.status().json()["connections"]
    with requests.Session() as session:
        for number in range(5):
            body = os.urandom(100_000 * number)
            headers = {"Proxy-Authorization": "Basic eDp5", "X-CH-Auth-Email": "a@b.c"}
            answer = session.post(f"{web.url}/chf?sid=0", data=body, proxies=proxy.urls, headers=headers)
            assert answer.content == body
            assert (answer.headers["X-End"], answer.headers.get("X-Hop")) == ("1", None)
            assert answer.headers["Via"] == "1.1 flowherd"
    assert proxy.status().json()["connections"] == before + 1
    line, seen, _ = web.seen[-1]
    assert line == "POST /chf?sid=0 HTTP/1.1"
    assert seen["Host"] == f"localhost:{web.server_port}"
    assert (seen["X-CH-Auth-Email"], seen["Proxy-Authorization"]) == ("a@b.c", None)
    assert (seen["Via"], seen["Connection"]) == ("1.1 flowherd", "close")


def test_a_body_of_unknown_length(behind):
    proxy, web = behind
    pieces = [os.urandom(30_000) for _ in range(20)]
    answer = requests.post(f"{web.url}/", data=iter(pieces), proxies=proxy.urls, timeout=30)
    assert answer.content == b"".join(pieces)


@needs_curl
@pytest.mark.parametrize(
    "more", [[], ["-H", "Expect: 100-continue"], ["-0"], ["-H", "Transfer-Encoding: chunked"]]
)
def test_curl(behind, more):
    proxy, web = behind
    command = ["curl", "-sS", "-x", proxy.url, *more, "--data-binary", "@-", f"{web.url}/1", f"{web.url}/2"]
    body = b"x" * 2_000_000
    done = subprocess.run(command, input=body, capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(body * 2).digest()


def test_head(behind):
    proxy, web = behind
    answer = requests.head(f"{web.url}/", proxies=proxy.urls, data=b"abc", timeout=30)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "3", b"")


def test_pipelined_requests_are_answered_in_turn(behind):
    proxy, web = behind
    bodies = [f"{number}".encode() * 1000 for number in range(50)]
    asked = b"".join(
        f"POST {web.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for body in bodies
    )
    before = proxy.status().json()["connections"]
    with proxy.connect(asked) as client:
        client.shutdown(socket.SHUT_WR)
        for body in bodies:
            assert head(client).startswith(b"HTTP/1.1 200 OK\r\n")
            assert exactly(client, len(body)) == body
        assert everything(client) == b""
    assert proxy.status().json()["connections"] == before + 1


def test_nonsense_after_a_request_without_a_body(behind):
    proxy, web = behind
    answer = proxy.ask(f"HEAD {web.url}/ HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n".encode())
    assert answer.count(b"HTTP/1.1 200 ") == answer.count(b"HTTP/1.1 400 ") == 1
    assert b"flowherd proxy: not understood" in answer


def test_http_1_0(behind):
    proxy, web = behind
    answer = proxy.ask(f"POST {web.url}/ HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close\r\n" in answer.lower()
    assert answer.endswith(b"\r\n\r\nabc")


@pytest.fixture
def raw():
    """What a raw server answers to a POST of `abc` by the client's HTTP version, up to the proxy's end."""

    def ask(answer, version="1.1", more=""):
        def talk(sock):
            head(sock)
            exactly(sock, 3)
            sock.sendall(answer)

        with server(talk) as port, running("--allow", f"localhost:{port}") as proxy:
            start = f"POST http://localhost:{port}/ HTTP/{version}\r\nHost: x\r\n{more}"
            return proxy.ask(f"{start}Connection: close\r\nContent-Length: 3\r\n\r\nabc".encode())

    return ask


def test_an_answer_up_to_the_end_of_the_connection(raw):
    assert raw(b"HTTP/1.1 200 OK\r\n\r\nall of it").endswith(b"\r\n\r\n9\r\nall of it\r\n0\r\n\r\n")
    assert raw(b"HTTP/1.1 200 OK\r\n\r\nall of it", "1.0").endswith(b"\r\n\r\nall of it")


def test_a_chunked_answer_for_an_old_client(raw):
    answer = raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n", "1.0"
    )
    assert answer.endswith(b"\r\n\r\nabc")
    assert b"chunked" not in answer.lower()


def test_continue_is_for_those_who_know_it(raw):
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Fine\r\n\r\n"
    assert raw(answer).startswith(b"HTTP/1.1 100 Continue\r\n")
    assert raw(answer, "1.0", "Expect: 100-continue\r\n").startswith(b"HTTP/1.1 204 Fine\r\n")


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nX",
     b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"],
)  # fmt: skip
def test_no_usable_answer(raw, answer):
    told = raw(answer)
    assert told.startswith(b"HTTP/1.1 502 ")
    assert b"flowherd proxy: localhost gave no usable answer: " in told


def test_half_an_answer_is_seen_to_be_half(raw):
    with pytest.raises(ConnectionResetError):
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")


def test_an_answer_before_the_body_is_all_there():
    def talk(sock):
        head(sock)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n")
        sock.shutdown(socket.SHUT_WR)
        everything(sock)

    with server(talk) as port, running("--allow", f"localhost:{port}") as proxy:
        start = f"POST http://localhost:{port}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
        with proxy.connect(start.encode()) as sock:
            sock.sendall(b"x" * 100_000)
            assert head(sock).startswith(b"HTTP/1.1 413 ")
            assert everything(sock) == b"no\n"
        until(lambda: proxy.status().json()["open"] == 0)


def test_a_client_that_leaves_in_its_body():
    heard = []
    with server(hearing(heard)) as port, running("--allow", f"localhost:{port}") as proxy:
        start = f"POST http://localhost:{port}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
        with proxy.connect(start.encode()) as sock:
            sock.shutdown(socket.SHUT_WR)
            assert everything(sock).startswith(b"HTTP/1.1 400 ")
        until(lambda: heard)
        assert b"half" in heard[0] or heard == [b"reset"]
