"""One client's connection: requests one after the other, or one tunnel."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import h11

from proxy import refusal, target
from proxy.allow import judge
from proxy.dial import dial
from proxy.headers import VIA, framing_fault, size
from proxy.line import Line
from proxy.refusal import Refusal
from proxy.relay import relay
from proxy.settings import Settings
from proxy.tallies import Tallies, Tally
from proxy.target import Target
from proxy.tunnel import tunnel
from proxy.wire import Wire
from shared.logs import Log


class Session:
    """Runs until the client or the proxy has had enough; `is_waiting`: between requests, so it may end at any time."""

    def __init__(self, wire: Wire, settings: Settings, tallies: Tallies, log: Log) -> None:
        self._wire, self._settings, self._tallies, self._log = wire, settings, tallies, log
        self._client = Line(wire, h11.SERVER, settings.head_bytes)
        self._is_head = False
        self.is_waiting = True

    async def run(self, is_draining: Callable[[], bool]) -> None:
        """Everything, and whatever goes wrong in it."""
        try:
            await self._converse(is_draining)
        except Refusal as error:
            await self._refuse(error)
        except h11.ProtocolError as error:
            await self._refuse(refusal.not_understood(error))
        except TimeoutError:
            self._tallies.idle_closed += 1
        except OSError as error:
            self._broke_off(error)
        else:
            await self._wire.close()
        finally:
            self._wire.abort()

    async def _converse(self, is_draining: Callable[[], bool]) -> None:
        while (request := await self._request()) is not None:
            self.is_waiting = False
            if request.method == b"CONNECT":
                await self._tunnel(request)
                return
            await self._relay(request)
            if is_draining() or not self._client.is_reusable:
                return
            self.is_waiting = True
            self._client.http.start_next_cycle()
            if not self._client.has_more:
                await self._next()

    async def _next(self) -> None:
        """A client that keeps its connection may be silent for as long as a tunnel may."""
        async with asyncio.timeout(self._settings.idle_s):
            await self._client.wait()

    async def _request(self) -> h11.Request | None:
        """The head of the next request; the time for it does not start anew with each octet."""
        self._is_head = False
        try:
            async with asyncio.timeout(self._settings.head_s):
                event = await self._client.hear()
        except TimeoutError as error:
            raise refusal.slow(self._settings.head_s) from error
        if not isinstance(event, h11.Request):
            return None
        self._is_head = event.method == b"HEAD"
        if size(event) > self._settings.head_bytes:
            raise refusal.malformed("the head of the request is too long", 431)
        if fault := framing_fault(event):
            raise refusal.malformed(fault)
        return event

    async def _tunnel(self, request: h11.Request) -> None:
        where = target.of_connect(request.target)
        await self._client.hear()  # the end of a message without a body
        async with self._reached(where, target.CONNECT_PORTS) as server:
            self._tallies.of(where.host).tunnels += 1
            await self._client.say(
                h11.Response(status_code=200, headers=[VIA], reason=b"Connection established")
            )
            await tunnel(self._wire, server, self._client.http.trailing_data[0], self._settings.idle_s)

    async def _relay(self, request: h11.Request) -> None:
        if request.method == b"TRACE":
            raise refusal.malformed("TRACE is not passed on: it would show headers", 405)
        where = target.of_absolute(request.method, request.target)
        async with self._reached(where, target.PLAIN_PORTS) as server:
            self._tallies.of(where.host).requests += 1
            line = Line(server, h11.CLIENT, self._settings.head_bytes)
            await relay(self._client, line, request, where, self._settings.idle_s)

    @asynccontextmanager
    async def _reached(self, where: Target, usual: frozenset[int]) -> AsyncIterator[Wire]:
        """A connection to where the client wants to go, if it may; counted, and ended with the block."""
        verdict = judge(self._settings.allow, where.host, where.port, usual)
        if not verdict.allowed:
            raise refusal.forbidden(verdict.why)
        try:
            server = await dial(where.host, where.port, named=verdict.named, seconds=self._settings.connect_s)
        except Refusal:
            self._tallies.of_unreached(where.host).failures += 1
            raise
        self._log.debug("connected", client=self._wire.peer, host=where.host, port=where.port, to=server.peer)
        tally = self._tallies.of(where.host)
        _count(server, tally)
        tally.open += 1
        try:
            yield server
        except Refusal:
            tally.failures += 1
            raise
        except OSError:
            server.reset()
            raise
        finally:
            tally.open -= 1
            server.abort()

    async def _refuse(self, error: Refusal) -> None:
        """Tell the client if it can still be told."""
        note_refusal(error, self._wire.peer, self._tallies, self._log)
        try:
            if self._client.can_answer:
                text = f"flowherd proxy: {error.sentence}\n".encode()
                await self._client.answer(error.status, "text/plain", text, error.mark, silent=self._is_head)
                await self._wire.close()
        except OSError as broken:
            self._broke_off(broken)

    def _broke_off(self, error: OSError) -> None:
        self._tallies.broken += 1
        self._wire.reset()
        self._log.debug("broken off", client=self._wire.peer, why=refusal.in_words(error))


def _count(server: Wire, tally: Tally) -> None:
    def received(octets: int) -> None:
        tally.received_bytes += octets

    def sent(octets: int) -> None:
        tally.sent_bytes += octets

    server.read_octets, server.wrote_octets = received, sent


def note_refusal(error: Refusal, client: str, tallies: Tallies, log: Log) -> None:
    """Count it; the first of its kind is a warning, so that nobody fills the log."""
    tallies.refused[error.reason] += 1
    is_first = tallies.refused[error.reason] == 1
    say = log.warning if is_first else log.debug
    more = "counted in /metrics, shown with -v" if is_first else None
    say("refused", client=client, status=int(error.status), why=error.sentence, more=more)
