"""Who comes in: every client's session, as many as there may be, and their end."""

import asyncio
from asyncio import StreamReader, StreamWriter

import h11

from proxy import refusal
from proxy.line import Line
from proxy.session import Session, note_refusal
from proxy.settings import Settings
from proxy.tallies import Tallies
from proxy.wire import Wire
from shared.logs import Log

TURNED_AWAY_MAX = 100


class Gate:
    """Called by asyncio for each connection."""

    def __init__(self, settings: Settings, tallies: Tallies, log: Log) -> None:
        self._settings, self._tallies, self._log = settings, tallies, log
        self._sessions: dict[asyncio.Task[None], Session] = {}
        self._turned_away: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.is_draining = False

    @property
    def is_full(self) -> bool:
        """Whether there are as many as there may be."""
        return len(self._sessions) >= self._settings.max_connections

    def enter(self, reader: StreamReader, writer: StreamWriter) -> None:
        """A client has connected."""
        self._tallies.connections += 1
        wire = Wire(reader, writer)
        if self.is_full:
            self._turn_away(wire)
        else:
            self._admit(wire)

    def _admit(self, wire: Wire) -> None:
        session = Session(wire, self._settings, self._tallies, self._log)
        task = asyncio.create_task(session.run(lambda: self.is_draining))
        self._sessions[task] = session
        self._counted()
        task.add_done_callback(self._left)

    async def drain(self) -> None:
        """Whoever waits between requests ends now; return when all others have ended too."""
        self.is_draining = True
        for task, session in self._sessions.items():
            if session.is_waiting:
                task.cancel()
        await self._empty.wait()

    async def cut(self) -> int:
        """End all; how many there were."""
        tasks = [*self._sessions, *self._turned_away]
        count = len(self._sessions)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return count

    def _left(self, task: asyncio.Task[None]) -> None:
        del self._sessions[task]
        self._counted()
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._log.error("a fault of ours ended a connection", why=repr(fault))

    def _counted(self) -> None:
        self._tallies.open = len(self._sessions)
        if self._sessions:
            self._empty.clear()
        else:
            self._empty.set()

    def _turn_away(self, wire: Wire) -> None:
        """With a sentence, unless even those are too many."""
        error = refusal.full(self._settings.max_connections)
        note_refusal(error, wire.peer, self._tallies, self._log)
        if len(self._turned_away) >= TURNED_AWAY_MAX:
            wire.abort()
        else:
            task = asyncio.create_task(_say_full(wire, error))
            self._turned_away.add(task)
            task.add_done_callback(self._turned_away.discard)


async def _say_full(wire: Wire, error: refusal.Refusal) -> None:
    try:
        line = Line(wire, h11.SERVER, 1)
        text = f"flowherd proxy: {error.sentence}\n".encode()
        await line.answer(error.status, "text/plain", text, error.mark)
        await wire.close()
    except OSError:
        pass
    finally:
        wire.abort()
