"""What is not passed on, and what the client is told."""

import socket

import pytest

from tests.proxy.rig import everything, exactly, head, hearing, running, server, until


@pytest.fixture(scope="module")
def proxy():
    with running(
        "--allow", ".localhost:1", "--allow", ".invalid", "--allow", "127.0.0.1:1", "--head-bytes", "2000"
    ) as one:
        yield one


HOST = "Host: x\r\n"


@pytest.mark.parametrize(
    ("request_", "status", "sentence"),
    [
        (f"CONNECT example.com:443 HTTP/1.1\r\n{HOST}\r\n", 403, "host example.com is not on this proxy's allow-list"),
        (f"GET http://example.com/ HTTP/1.1\r\n{HOST}\r\n", 403, "host example.com is not on this proxy's allow-list"),
        (f"CONNECT localhost:22 HTTP/1.1\r\n{HOST}\r\n", 403, "port 22 of localhost is not on this proxy's allow-list"),
        (f"CONNECT x.invalid:80 HTTP/1.1\r\n{HOST}\r\n", 403, "port 80 of x.invalid is not"),
        (f"GET http://x.invalid:8080/ HTTP/1.1\r\n{HOST}\r\n", 403, "port 8080 of x.invalid is not"),
        (f"CONNECT localhost:1 HTTP/1.1\r\n{HOST}\r\n", 403, "localhost leads to no public address"),
        (f"CONNECT [::1]:443 HTTP/1.1\r\n{HOST}\r\n", 403, "host ::1 is not"),
        (f"CONNECT 2130706433:443 HTTP/1.1\r\n{HOST}\r\n", 403, "host 2130706433 is not"),
        (f"CONNECT 127.0.0.1:1 HTTP/1.1\r\n{HOST}\r\n", 502, "127.0.0.1 cannot be reached: Connection refused"),
        (f"CONNECT x.invalid:443 HTTP/1.1\r\n{HOST}\r\n", 502, "x.invalid cannot be reached: "),
        (f"GET / HTTP/1.1\r\n{HOST}\r\n", 400, "this is a proxy"),
        (f"GET https://localhost/ HTTP/1.1\r\n{HOST}\r\n", 400, "go through CONNECT"),
        (f"CONNECT localhost HTTP/1.1\r\n{HOST}\r\n", 400, "CONNECT needs host:port"),
        (f"CONNECT u@localhost:1 HTTP/1.1\r\n{HOST}\r\n", 400, "names a user"),
        (f"TRACE http://localhost:1/ HTTP/1.1\r\n{HOST}\r\n", 405, "TRACE"),
        ("nonsense\r\n\r\n", 400, "not understood"),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "not understood"),
        ("GET http://localhost:1/ HTTP/1.1\r\n\r\n", 400, "Host"),
        (f"GET http://localhost:1/ HTTP/1.1\r\n{HOST}{HOST}\r\n", 400, "Host"),
        (f"GET http://localhost:1/ HTTP/1.1\r\n{HOST}X: {'x' * 3000}\r\n\r\n", 431, "too long"),
    ],
)  # fmt: skip
def test_refused(proxy, request_, status, sentence):
    answer = proxy.ask(request_.encode("latin-1"))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert sentence in answer.decode()
    assert b"connection: close\r\n" in answer.lower()


def test_no_header_of_a_client_is_logged():
    """Nor is what is wrong with it shown to anybody."""
    with running("-v") as own:
        told = own.ask(f"GET http://a.b/ HTTP/1.1\r\n{HOST}X-CH-Auth-API-Token : SECRET\r\n\r\n".encode())
        told += own.ask(b"GET http://a.b/?token=SECRET x HTTP/1.1\r\n\r\n")
        assert told.count(b"HTTP/1.1 400 ") == told.count(b"not understood: illegal ") == 2
        assert "SECRET" not in own.stop()[1] + told.decode()


@pytest.mark.parametrize("request_line", ["GET http://example.com/", "CONNECT example.com:443"])
def test_a_refusal_is_marked_as_the_proxys(proxy, request_line):
    """Else an agent could not tell it from its destination's own 403."""
    answer = proxy.ask(f"{request_line} HTTP/1.1\r\n{HOST}\r\n".encode())
    assert b"\r\nProxy-Status: flowherd; error=http_request_denied\r\n" in answer


def test_head_is_refused_without_a_body(proxy):
    answer = proxy.ask(f"HEAD http://example.com/ HTTP/1.1\r\n{HOST}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.endswith(b"\r\n\r\n")


def test_a_large_body_does_not_take_the_answer_back(proxy):
    with proxy.connect(
        f"POST http://example.com/ HTTP/1.1\r\n{HOST}Content-Length: 500000\r\n\r\n".encode()
    ) as sock:
        sock.sendall(b"x" * 500_000)
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 30\r\n",
        "Content-Length: 3, 30\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 3\r\nConnection: content-length\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: chunked\x0b\r\n",
        "\r Transfer-Encoding: chunked\r\n",
    ],
)
def test_smuggling(headers):
    """Nothing of it reaches the server, whichever request it is taken for."""
    heard = []

    def talk(sock):
        heard.append(everything(sock))

    with server(talk) as port, running("--allow", f"localhost:{port}") as proxy:
        start = f"POST http://localhost:{port}/ HTTP/1.1\r\n{HOST}{headers}\r\n"
        answer = proxy.ask(f"{start}0\r\n\r\nGET http://localhost:{port}/x HTTP/1.1\r\n{HOST}\r\n".encode())
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
        assert answer.count(b"HTTP/1.1 ") == 1
        assert heard == []
        assert proxy.count("refused_total", '{reason="malformed"}') == 1


def test_old_http_with_chunks():
    with running("--allow", "localhost:1") as proxy:
        answer = proxy.ask(
            b"POST http://localhost:1/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_bad_chunks_end_the_request():
    heard = []
    with server(hearing(heard)) as port, running("--allow", f"localhost:{port}") as proxy:
        start = f"POST http://localhost:{port}/ HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"
        answer = proxy.ask(f"{start}-1\r\nabc\r\n0\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 400 ")
        until(lambda: heard)
        assert b"0\r\n\r\n" not in heard[0]


def test_a_head_that_never_ends():
    """However it trickles: the time is for the whole head."""
    with running("--head-s", "0.7") as proxy, proxy.connect(b"GET http://a.kentik.com/ HTTP/1.1\r\n") as sock:
        sock.setblocking(False)

        def answer():
            try:
                sock.send(b"X")
                return sock.recv(100)
            except BlockingIOError:
                return None
            except OSError:
                return b"gone"

        assert until(answer).startswith((b"HTTP/1.1 408 ", b"gone"))
        assert proxy.count("refused_total", '{reason="slow"}') == 1
        with proxy.connect() as silent:
            assert everything(silent).startswith(b"HTTP/1.1 408 ")


def test_too_many():
    with (
        server(everything) as port,
        running("--allow", f"localhost:{port}", "--max-connections", "2") as proxy,
    ):
        with proxy.tunnel(port), proxy.tunnel(port):
            answer = proxy.ask(f"CONNECT localhost:{port} HTTP/1.1\r\n{HOST}\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"all of its 2 connections in use" in answer
            assert proxy.count("refused_total", '{reason="full"}') == 1
            assert proxy.count("open") == 2
        until(lambda: proxy.status().json()["status"] == "ok")
        with proxy.tunnel(port):
            pass


def test_a_server_that_never_answers():
    with server(everything) as port, running("--allow", f"localhost:{port}", "--idle-s", "0.5") as proxy:
        answer = proxy.ask(f"GET http://localhost:{port}/ HTTP/1.1\r\n{HOST}\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert b"localhost: no answer within 0.5 s" in answer


def test_a_client_silent_between_requests():
    def talk(sock):
        head(sock)
        sock.sendall(b"HTTP/1.1 204 OK\r\n\r\n")

    with server(talk) as port, running("--allow", f"localhost:{port}", "--idle-s", "0.5") as proxy:
        with proxy.connect(f"GET http://localhost:{port}/ HTTP/1.1\r\n{HOST}\r\n".encode()) as sock:
            assert head(sock).startswith(b"HTTP/1.1 204 ")
            assert exactly(sock, 1) == b""
        assert proxy.count("idle_closed_total") == 1
