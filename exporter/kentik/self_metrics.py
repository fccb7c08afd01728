"""Figures about this agent, posted to Kentik once a minute in libkflow's words, with the tags it means to send."""

import socket
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from exporter.figures import Rate

EVERY_S = 60.0
PREFIX = "chf.client_"
PROGRAM = "kprobe"  # Kentik's views of agents look for this name
NAMES = ("Total", "DownsampleFPS", "RateLimitDrops", "BytesSent")


class SelfMetrics:
    """`counts`: flows in, flows out, flows dropped by the rate limit, octets sent, by the names above."""

    def __init__(self, counts: Callable[[], Mapping[str, int]], company: str, device_id: int) -> None:
        self._counts = counts
        self._rates = {name: Rate() for name in NAMES}
        self._due_s = time.monotonic() + EVERY_S
        self._tags = {
            "host": socket.gethostname(),
            "ver": f"{PROGRAM}-{version('flowherd')}",
            "ft": PROGRAM,
            "dt": "libkflow",
            "level": "primary",
            "cid": company,
            "did": str(device_id),
        }

    def due(self, now_s: float) -> bool:
        """Move the rates on; whether it is time to post."""
        counts = self._counts()
        for name, rate in self._rates.items():
            rate.tick(counts[name], now_s)
        if now_s < self._due_s:
            return False
        self._due_s = now_s + EVERY_S
        return True

    def points(self) -> list[dict[str, Any]]:
        """What is posted: totals and one-minute rates, those above 0."""
        now = int(time.time())
        found = []
        for name, rate in self._rates.items():
            for kind, value in (("count", rate.count), ("one-minute", int(rate.one_minute))):
                if value > 0:
                    tags = self._tags | {"type": kind}
                    found.append({"metric": PREFIX + name, "timestamp": now, "value": value, "tags": tags})
        return found
