"""The status page: `/v1/status` in kprobe's JSON shape and `/metrics` for Prometheus, read-only."""

import json
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from exporter.figures import Figures
from shared.errors import ConfigurationError

PATIENCE_S = 5.0


class StatusPage:
    """Listens at once; answers from a thread of its own after `start`."""

    def __init__(self, host: str, port: int, figures: Figures) -> None:
        self._figures = figures
        self.metrics: Callable[[], bytes] = lambda: b""
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._server = _Server((host, port), self._handler(), family)
        except OSError as error:
            why = error.strerror or str(error)
            raise ConfigurationError(
                f"status page {host}:{port} cannot be opened: {why}; "
                "choose another --status-port, or 0 for none"
            ) from error

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self, metrics: Callable[[], bytes]) -> None:
        """Answer from now on; `metrics` gives the page in Prometheus' text format."""
        self.metrics = metrics
        threading.Thread(target=self._server.serve_forever, name="status page", daemon=True).start()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body for one path."""
        match path.partition("?")[0]:
            case "/v1/status":
                flows = {
                    "flows-in": self._figures.records_in.shown(),
                    "flows-out": self._figures.records_out.shown(),
                }
                return HTTPStatus.OK, "application/json", json.dumps(flows, indent=2).encode()
            case "/metrics":
                return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics()
            case _:
                return HTTPStatus.NOT_FOUND, "text/plain", b"not found: there are /v1/status and /metrics\n"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Handler", (_Handler,), {"page": self})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], family: socket.AddressFamily
    ) -> None:
        self.address_family = family
        super().__init__(address, handler)


class _Handler(BaseHTTPRequestHandler):
    page: StatusPage
    timeout = PATIENCE_S
    server_version = "flowherd"
    sys_version = ""

    def do_GET(self) -> None:
        self._send(*self.page.answer(self.path))

    def do_HEAD(self) -> None:
        status, kind, body = self.page.answer(self.path)
        self._send(status, kind, b"", len(body))

    def _refuse(self) -> None:
        self.close_connection = True
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"read-only: GET and HEAD\n")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815 - http.server's names

    def _send(self, status: HTTPStatus, kind: str, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing: readers of the page are no news."""
