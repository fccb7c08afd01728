"""Kentik's other two: DNS answers, and users by RADIUS accounting; each posts what a second brought."""

import time
from typing import Any

from urllib3.util import SKIP_HEADER

from exporter.kentik.agent import Agent, warm
from exporter.kentik.answers import answers
from exporter.kentik.errors import Rejected, check
from exporter.kentik.users import Users
from exporter.log import log
from exporter.sinks.base import Place
from shared.kentik_endpoints import endpoints
from shared.record import Batch

EVERY_S = 1.0
BODY_MOST = 8 << 20  # Kentik takes 10 MB
Post = tuple[str, dict[str, Any], int]  # where, the request's words, how many records
SUCCESS = tuple(range(200, 300))
BARE = {
    "User-Agent": SKIP_HEADER,
    "Accept-Encoding": SKIP_HEADER,
    "Accept": "*/*",
}  # as kprobe's second client


class Answers:
    """DNS answers, in bodies that Kentik takes."""

    def __init__(self) -> None:
        self._maps: list[bytes] = []
        self.octets = 0

    def __len__(self) -> int:
        return len(self._maps)

    def take(self, batch: Batch) -> None:
        """The answers of a batch."""
        found = answers(batch)
        self._maps += found
        self.octets += sum(map(len, found))

    def posts(self, agent: Agent) -> list[Post]:
        """Maps one behind the other, no body beyond BODY_MOST."""
        bodies: list[list[bytes]] = [[]]
        size = 0
        for one in self._maps:
            if size + len(one) > BODY_MOST:
                bodies.append([])
                size = 0
            bodies[-1].append(one)
            size += len(one)
        url = endpoints(agent.orders).dns
        return [(url, {"data": b"".join(maps), "headers": BARE}, len(maps)) for maps in bodies if maps]


class Accounts(Users):
    """Users and their addresses."""

    @property
    def octets(self) -> int:
        """About 100 a user."""
        return 100 * len(self)

    def posts(self, agent: Agent) -> list[Post]:
        """One request, if there is news."""
        words = {"json": self.request(), "headers": BARE}
        return [(endpoints(agent.orders).users, words, len(self))] if len(self) else []


class Stream:
    """A sink of one such content."""

    content: type[Answers | Accounts]

    def __init__(self, place: Place) -> None:
        self._agent = Agent(place)
        self._held: Answers | Accounts = self.content()
        self._since_s, self._sequence, self._begun = 0.0, 0, False
        self._posted = 0  # may be beyond the cursor, when that could not be written

    @staticmethod
    def warm() -> None:
        """Import what requests imports late."""
        warm()

    def open(self, start: int) -> int:
        """Cursor and devices."""
        self._sequence = self._agent.open(start)
        return self._sequence

    def add(self, sequence: int, batch: Batch) -> None:
        """Take what concerns us."""
        if not self._begun:
            self._begun, self._since_s = True, time.monotonic()
        if sequence > self._posted:
            self._held.take(batch)
        self._sequence = sequence

    def due(self, *, idle: bool) -> bool:
        """Once a second, or when a body is full."""
        del idle
        return self._held.octets >= BODY_MOST or time.monotonic() - self._since_s >= EVERY_S

    def flush(self) -> None:
        """Post it, then commit."""
        self._agent.know_devices()
        for post in self._held.posts(self._agent):
            self._post(*post)
        log.debug("sent", to=type(self).__name__, entries=len(self._held))
        self._agent.counts["kentik_records_in"] += len(self._held)
        self._posted = self._sequence
        self.discard()
        self._agent.commit(self._sequence)

    def discard(self) -> None:
        """It comes again."""
        self._held, self._begun = self.content(), False

    def tidy(self) -> None:
        """The agent's chores have a thread of their own."""

    def figures(self) -> dict[str, int]:
        """What was sent and refused."""
        return dict(self._agent.counts)

    def close(self) -> None:
        """Let go of the connections."""
        self._agent.close()

    def _post(self, url: str, words: dict[str, Any], records: int) -> None:
        try:
            check(self._agent.client.send("POST", url, **words), url, SUCCESS)
        except Rejected as error:
            self._agent.counts["kentik_refused_records"] += records
            self._agent.counts["kentik_refused_messages"] += 1
            log.error("Kentik refuses a message, dropped", why=error, records=records)
            return
        self._agent.counts["kentik_records_sent"] += records
        self._agent.counts["kentik_bytes_sent"] += len(words.get("data", b""))


class KentikDns(Stream):
    """`flowherd dns`."""

    content = Answers


class KentikRadius(Stream):
    """`flowherd radius`."""

    content = Accounts
