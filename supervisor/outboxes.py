"""Workers whose outbox is full drop records: said when it begins, and again only after a long while without."""

import math
from collections.abc import Iterable

from shared.logs import Log
from supervisor.post import Post

CALM_S = 600.0


class Outboxes:
    """How many each interface's worker had dropped, and when that last grew."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[str, tuple[int, float]] = {}

    def note(self, posts: Iterable[Post], now_s: float) -> None:
        """One warning for each interface; the number goes on in its row."""
        known = {}
        for post in posts:
            count = post.counters().get("records_dropped", 0)
            before, grew_s = self._known.get(post.name, (0, -math.inf))
            if count > before and now_s - grew_s > CALM_S:
                self._log.warning(
                    "the exporter does not take records, the worker drops the oldest",
                    interface=post.name,
                    records=count,
                )
            known[post.name] = count, now_s if count > before else grew_s
        self._known = known
