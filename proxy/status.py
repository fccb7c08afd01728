"""The status page: `/v1/health` for load balancers, `/metrics` for Prometheus; read-only."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from http import HTTPStatus

import h11

from proxy.gate import Gate
from proxy.line import Line
from proxy.settings import Settings
from proxy.tallies import Tallies
from proxy.wire import Wire

PATIENCE_S = 5.0
HEAD_BYTES = 8192
READERS_MAX = 32
Answer = tuple[HTTPStatus, str, bytes]


class StatusPage:
    """One request a connection."""

    def __init__(
        self, gate: Gate, tallies: Tallies, settings: Settings, metrics: Callable[[], bytes]
    ) -> None:
        self._gate, self._tallies, self._settings, self._metrics = gate, tallies, settings, metrics
        self._readers = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Called by asyncio for each connection."""
        wire = Wire(reader, writer)
        self._readers += 1
        try:
            if self._readers <= READERS_MAX:
                await self._serve(Line(wire, h11.SERVER, HEAD_BYTES))
        except (OSError, h11.ProtocolError):
            pass
        finally:
            self._readers -= 1
            wire.abort()

    async def _serve(self, line: Line) -> None:
        async with asyncio.timeout(PATIENCE_S):
            request = await line.hear()
            if isinstance(request, h11.Request):
                status, kind, body = self.answer(request.method, request.target)
                await line.answer(status, kind, body, silent=request.method == b"HEAD")
                await line.wire.flush()
                await line.wire.close()

    def answer(self, method: bytes, path: bytes) -> Answer:
        """Status, content type and body."""
        if method not in {b"GET", b"HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"read-only: GET and HEAD\n"
        match path.partition(b"?")[0]:
            case b"/v1/health":
                return self._health()
            case b"/metrics":
                return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", self._metrics()
            case _:
                return HTTPStatus.NOT_FOUND, "text/plain", b"not found: there are /v1/health and /metrics\n"

    def _health(self) -> Answer:
        """503 while no client should be sent here."""
        state = "draining" if self._gate.is_draining else "full" if self._gate.is_full else "ok"
        status = HTTPStatus.OK if state == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
        shown = {
            "status": state,
            "open": self._tallies.open,
            "limit": self._settings.max_connections,
            "connections": self._tallies.connections,
            "refused": sum(self._tallies.refused.values()),
        }
        return status, "application/json", json.dumps(shown, indent=2).encode() + b"\n"
