"""A proxy to test, servers behind it, and raw clients."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

PATIENCE_S = 20
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
PROXY = [sys.executable, "-I", "-m", "proxy"]


def until(condition):
    """What the condition gives once it is true."""
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        threading.Event().wait(0.01)
    return value


def hearing(heard):
    """A server's talk that notes what it hears behind the head: all up to the end, or up to a reset."""

    def talk(sock):
        head(sock)
        try:
            heard.append(everything(sock))
        except ConnectionResetError:
            heard.append(b"reset")

    return talk


class Proxy:
    """`python -m proxy` on free ports."""

    def __init__(self, *words):
        place = ["--listen", "127.0.0.1:0", "--status", "127.0.0.1:0", "--user", "nobody"]
        self.process = subprocess.Popen([*PROXY, *place, *words], stderr=subprocess.PIPE, text=True)
        self.first = self.process.stderr.readline()
        found = re.search(r"address=\S+:(\d+) status=127\.0\.0\.1:(\d+)", self.first)
        assert found, self.first
        self.port, self.status_port = int(found[1]), int(found[2])
        self.url = f"http://127.0.0.1:{self.port}"
        self.urls = {"http": self.url, "https": self.url}

    def connect(self, request=b""):
        """A raw client that has said this much."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        sock.sendall(request)
        return sock

    def ask(self, request):
        """All that comes back until the proxy ends the connection."""
        with self.connect(request) as sock:
            return everything(sock)

    def tunnel(self, port, host="localhost"):
        """A raw client at the mouth of a tunnel."""
        sock = self.connect(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert head(sock).startswith(b"HTTP/1.1 200 ")
        return sock

    def status(self, path="/v1/health"):
        return requests.get(f"http://127.0.0.1:{self.status_port}{path}", timeout=PATIENCE_S)

    def count(self, name, label=""):
        """One number of /metrics."""
        line = f"flowherd_proxy_{name}{label} "
        found = [row for row in self.status("/metrics").text.splitlines() if row.startswith(line)]
        return float(found[0].split()[-1]) if found else 0.0

    def stop(self, number=signal.SIGTERM):
        """Exit code and what it said."""
        self.process.send_signal(number)
        return self.end()

    def end(self):
        said = self.process.communicate(timeout=PATIENCE_S)[1]
        return self.process.returncode, self.first + said


@contextlib.contextmanager
def running(*words):
    proxy = Proxy(*words)
    try:
        yield proxy
    finally:
        if proxy.process.poll() is None:
            proxy.process.kill()
            proxy.process.communicate()


def everything(sock):
    """Until the other end has said all."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def head(sock):
    """Up to the empty line and not an octet further."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = sock.recv(1)
        assert piece, data
        data += piece
    return data


def exactly(sock, count):
    data = b""
    while len(data) < count and (piece := sock.recv(count - len(data))):
        data += piece
    return data


@contextlib.contextmanager
def server(talk):
    """A raw server: `talk(socket)` for each connection, in a thread of its own; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve(sock):
        with sock, contextlib.suppress(OSError):
            sock.settimeout(PATIENCE_S)
            talk(sock)

    def accept():
        while not ended.is_set():
            with contextlib.suppress(OSError):
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class Echo(BaseHTTPRequestHandler):
    """Answers with the body it was given; keeps what it was asked in `server.seen`."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S

    def do_POST(self):
        body = self._body()
        self.server.seen.append((self.requestline, self.headers, body))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "X-Hop")
        self.send_header("X-Hop", "1")
        self.send_header("X-End", "1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_OPTIONS = do_POST  # noqa: N815 http.server's names

    def _body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_):
        """Nothing."""


@contextlib.contextmanager
def echo(context=None):
    """An HTTP server, with TLS when a context is given; `seen`, `server_port`."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    web.daemon_threads, web.seen = True, []
    if context is not None:
        web.socket = context.wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield web
    finally:
        web.shutdown()
        web.server_close()
