"""The HTTP of the test server: requests in, answers and ordered faults out."""

import contextlib
import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from tests.kentik import faults
from tests.kentik.reader import Flow


@dataclass
class Request:
    """One request as it came, and the status it was answered with (0: by a closed connection)."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    raw_query: str = ""
    status: int = 0


class RefusedRequest(Exception):  # noqa: N818 - it is an answer
    """A receiver's complaint."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Received:
    """All that was sent and taken; `refused`: status, path and complaint of what was not."""

    requests: list[Request] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    batches: list[list[Flow]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    interfaces: list[dict[str, Any]] = field(default_factory=list)
    populators: list[dict[str, Any]] = field(default_factory=list)


class Receiver(Protocol):
    """What the handler asks of the server."""

    requests: list[Request]
    refused: list[tuple[int, str, str]]
    faults: faults.Faults
    lock: threading.Lock
    is_closing: bool

    def answer(self, request: Request) -> tuple[int, Any]:
        """Status and JSON of a request."""


class Listener(ThreadingHTTPServer):
    """Listens on loopback; TLS hands are shaken in the connection's own thread."""

    daemon_threads = True

    def __init__(self, receiver: Receiver, port: int, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.receiver = receiver
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Listener

    def __getattr__(self, name: str) -> Any:
        if name in ("do_GET", "do_POST", "do_PUT", "do_DELETE"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        """A client that goes away is no fault of the server's."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def finish(self) -> None:
        """The same at the end."""
        with contextlib.suppress(OSError):
            super().finish()

    def _serve(self) -> None:
        receiver = self.server.receiver
        if receiver.is_closing:
            self.close_connection = True
            return
        request = self._request()
        fault = receiver.faults.meet(request.path)
        if fault is None:
            self._answer(request, *self._told(request))
        else:
            self._go_wrong(request, fault)

    def _go_wrong(self, request: Request, fault: faults.Fault) -> None:
        faults.wait(fault, lambda: self.server.receiver.is_closing)
        if fault.kind == "slow":
            self._answer(request, *self._told(request))
        elif fault.kind == "status":
            self._answer(request, fault.status, {"error": "ordered"}, fault.headers)
        else:
            if fault.takes:
                self._told(request)
            self._end(fault)

    def _request(self) -> Request:
        split = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = parse_qs(split.query, keep_blank_values=True)
        request = Request(self.command, split.path, query, headers, body, split.query)
        with self.server.receiver.lock:
            self.server.receiver.requests.append(request)
        return request

    def _told(self, request: Request) -> tuple[int, Any]:
        receiver = self.server.receiver
        if "transfer-encoding" in request.headers:
            self.close_connection = True
            return 411, {"error": "no length"}
        with receiver.lock:
            try:
                return receiver.answer(request)
            except RefusedRequest as error:
                receiver.refused.append((error.status, request.path, str(error)))
                return error.status, {"error": str(error)}

    def _answer(
        self, request: Request, status: int, told: Any, headers: dict[str, str] | None = None
    ) -> None:
        request.status = status
        body = b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        if told is not None:
            self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _end(self, fault: faults.Fault) -> None:
        self.close_connection = True
        if fault.kind == "cut":
            self.wfile.write(b"HTTP/1.")
        elif fault.kind == "half":
            self.wfile.write(
                b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"device":'
            )
        else:
            faults.reset(self.connection)
