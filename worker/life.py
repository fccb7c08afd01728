"""The worker's line to its supervisor: orders in, reports out, a heartbeat, and how long there is still to drain."""

import socket
import time
from typing import Any

from shared import channel
from shared.vitals import INDEX
from worker.capture.ring import RingOrder
from worker.outlet import Outlet

HEARTBEAT_NS = INDEX["heartbeat_ns"]
DRAIN_S = 30.0
ORPHAN_DRAIN_S = 1.5


class Life:
    """The channel `descriptor`; fresh pipes go to `outlet`. A closed channel is an order to drain, and soon.

    `has_asked`: for a larger ring, and there was no answer yet.
    """

    def __init__(self, descriptor: int, words: Any, outlet: Outlet) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._words, self._outlet = words, outlet
        self._until_s: float | None = None
        self.is_retired = self.may_grow = self.has_asked = False
        self.next_ring: RingOrder | None = None
        self.ordered_ns = 0

    @property
    def is_draining(self) -> bool:
        """Whether capture is over."""
        return self._until_s is not None

    @property
    def is_late(self) -> bool:
        """Whether the time to drain is over too: what nobody took by now is dropped, and counted."""
        return self._until_s is not None and time.monotonic() > self._until_s

    def attend(self) -> None:
        """Show a heartbeat and hear what the supervisor wants."""
        self._words[HEARTBEAT_NS] = time.monotonic_ns()
        try:
            while (message := channel.receive(self._socket)) is not None:
                self._obey(*message)
            self._drain_by(ORPHAN_DRAIN_S)
        except BlockingIOError:
            return

    def _obey(self, orders: dict[str, Any], descriptors: list[int]) -> None:
        if orders["do"] == "drain":
            self._drain_by(DRAIN_S)
        elif orders["do"] == "retire":
            self.is_retired = True
        elif orders["do"] == "pipes":
            self._outlet.take_pipes(*descriptors)
        elif orders["do"] == "bounds":
            self.may_grow, self.has_asked = orders["may_grow"], False
        elif orders["do"] == "ring":
            self.may_grow, self.has_asked = orders["may_grow"], False
            geometry = (orders[name] for name in RingOrder._fields[1:])
            self.next_ring = RingOrder(descriptors[0], *geometry)

    def _drain_by(self, seconds: float) -> None:
        self.ordered_ns = time.time_ns()
        until_s = time.monotonic() + seconds
        self._until_s = min(self._until_s or until_s, until_s)

    def say(self, **report: Any) -> None:
        """Report to the supervisor."""
        try:
            channel.send(self._socket, report)
        except OSError:
            self._drain_by(ORPHAN_DRAIN_S)
