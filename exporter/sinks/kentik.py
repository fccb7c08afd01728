"""Kentik's flow collector: a message a second for each device; the cursor is a file in the spool folder.

A message is built once and kept until it is taken, so that what is sent again is the same; after a kill in
mid-request that one request may be sent twice.
"""

import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from exporter.disk import replace_file
from exporter.kentik.agent import Agent, warm
from exporter.kentik.body import Body, body
from exporter.kentik.errors import Rejected, check
from exporter.kentik.fleet import Line
from exporter.kentik.own import is_own
from exporter.kentik.sides import Sides, sides
from exporter.kentik.split import Part, part
from exporter.log import log
from exporter.sinks.base import Place
from shared.kentik_endpoints import endpoints
from shared.record import Batch

EVERY_S = 1.0
ROWS_MOST = 4000
REFUSED_KEPT = 16
HEADERS = {"Content-Type": "application/binary", "Content-Encoding": "gzip"}


@dataclass(slots=True)
class Outgoing:
    """The messages of batches `first` to `last`, by device; those taken are gone from it."""

    first: int
    last: int
    bodies: dict[int, Body] = field(default_factory=dict)


class Kentik:
    """One thread's; its agent has a second one (exporter/kentik/agent.py)."""

    def __init__(self, place: Place) -> None:
        self._agent = Agent(place)
        self._spool_dir = place.spool_dir
        self._batches: list[tuple[int, Batch]] = []
        self._rows, self._since_s = 0, 0.0
        self._outgoing: Outgoing | None = None

    @staticmethod
    def warm() -> None:
        """Import what requests imports late."""
        warm()

    @property
    def samples(self) -> dict[str, int]:
        """Sample rates of the devices, by interface; empty until they are known."""
        return self._agent.fleet.samples if self._agent.fleet.lines else {}

    def open(self, start: int) -> int:
        """Cursor and devices."""
        return self._agent.open(start)

    def add(self, sequence: int, batch: Batch) -> None:
        """Keep it until the second is over."""
        if not self._batches:
            self._since_s = time.monotonic()
        self._batches.append((sequence, batch))
        self._rows += len(batch.rows)

    def due(self, *, idle: bool) -> bool:
        """Once a second, or when a message is full; at once where the same was to be sent before."""
        del idle
        if self._outgoing and self._batches and self._batches[0][0] == self._outgoing.first:
            return self._batches[-1][0] >= self._outgoing.last
        return self._rows >= ROWS_MOST or time.monotonic() - self._since_s >= EVERY_S

    def flush(self) -> None:
        """Send what was added, device by device; then commit."""
        self._agent.know_devices()
        first, last = self._batches[0][0], self._batches[-1][0]
        if not self._outgoing or (self._outgoing.first, self._outgoing.last) != (first, last):
            self._outgoing = self._built(first, last)
        for number in list(self._outgoing.bodies):
            self._send(self._agent.fleet.lines[number], self._outgoing.bodies[number])
            del self._outgoing.bodies[number]
        self._agent.commit(last)  # should it fail, nothing is left in `_outgoing`, and nothing is sent again
        self._outgoing = None
        self.discard()

    def discard(self) -> None:
        """They come again; the messages made of them are kept."""
        self._batches.clear()
        self._rows = 0

    def tidy(self) -> None:
        """The agent's chores have a thread of their own."""

    def figures(self) -> dict[str, int]:
        """What was sent, left out and refused."""
        return dict(self._agent.counts)

    def close(self) -> None:
        """Let go of the connections."""
        self._agent.close()

    def _built(self, first: int, last: int) -> Outgoing:
        made = Outgoing(first, last)
        by_device: dict[int, list[Batch]] = {}
        for _sequence, batch in self._batches:
            by_device.setdefault(self._agent.fleet.of(batch.interface).found.id, []).append(batch)
        for number, batches in by_device.items():
            line = self._agent.fleet.lines[number]
            parts = self._allowed(line, [self._seen(batch) for batch in batches if len(batch.rows)])
            if parts:
                made.bodies[number] = body(parts, line.device)
        return made

    def _seen(self, batch: Batch) -> Sides:
        """The records of a batch, without those of our own delivery."""
        all_sides = sides(batch)
        if self._agent.orders.own_traffic or not len(all_sides):
            return all_sides
        own = is_own(batch, [*self._agent.client.ends, *self._agent.chores.ends])
        self._agent.counts["kentik_own_records"] += int(own[all_sides.rows].sum())
        return all_sides.take(~own[all_sides.rows])

    def _allowed(self, line: Line, seen: list[Sides]) -> list[Part]:
        """As many records as the device may send, drawn evenly; each stands for so many more."""
        seen = [one for one in seen if len(one)]
        wanted = sum(map(len, seen))
        self._agent.counts["kentik_records_in"] += wanted
        if not wanted:
            return []
        ends_ns = [one.batch.rows["end_ns"] for one in seen]
        latest_ns, earliest_ns = max(int(e.max()) for e in ends_ns), min(int(e.min()) for e in ends_ns)
        granted = line.allowance.take(wanted, latest_ns, earliest_ns)
        self._agent.counts["kentik_rate_limited_records"] += wanted - granted
        kept = line.share(wanted, granted)
        drawn = line.draw(wanted, granted)
        parts, at = [], 0
        for one in seen:
            chosen = drawn[at : at + len(one)]
            at += len(one)
            if chosen.any():
                index = self._agent.fleet.indices.get(one.batch.interface)
                parts.append(part(one.take(chosen), kept=kept, index=index))
        return parts

    def _send(self, line: Line, message: Body) -> None:
        line.name_once(message.missing)
        url = endpoints(self._agent.orders).flow
        url += ("&" if "?" in url else "?") + urlencode({"sender_id": line.found.sender, "sid": "0"})
        try:
            check(self._agent.client.send("POST", url, headers=HEADERS, data=message.octets), "flows")
        except Rejected as error:
            self._set_aside(message, str(error))
            return
        log.debug("flows sent", device=line.found.name, records=message.records, octets=len(message.octets))
        self._agent.counts["kentik_records_sent"] += message.records
        self._agent.counts["kentik_bytes_sent"] += len(message.octets)

    def _set_aside(self, message: Body, why: str) -> None:
        """It would be refused again: keep it for whoever looks into it, a few such at most."""
        self._agent.counts["kentik_refused_records"] += message.records
        path = self._spool_dir / f"refused-{self._agent.counts['kentik_refused_messages'] % REFUSED_KEPT}.chf"
        self._agent.counts["kentik_refused_messages"] += 1
        replace_file(path, message.octets, durable=False)
        log.error("Kentik refuses a message, set aside", why=why, records=message.records, path=path)
