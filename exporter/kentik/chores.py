"""What goes on beside the flows, in a thread of its own: devices are read again, figures are posted."""

import threading
import time
from collections.abc import Mapping

from exporter.kentik.client import Client, End
from exporter.kentik.fleet import Fleet
from exporter.kentik.self_metrics import SelfMetrics
from exporter.log import log
from exporter.orders import KentikOrders
from shared.kentik_endpoints import endpoints

TICK_S = 1.0
COUNTED = {
    "Total": "kentik_records_in",
    "DownsampleFPS": "kentik_records_sent",
    "RateLimitDrops": "kentik_rate_limited_records",
    "BytesSent": "kentik_bytes_sent",
}


class Chores:
    """Fails quietly: flows matter more."""

    def __init__(self, orders: KentikOrders, fleet: Fleet, counts: Mapping[str, int]) -> None:
        self._orders, self._fleet, self._counts = orders, fleet, counts
        self._client = Client(orders)
        self._ended = threading.Event()
        self._metrics: SelfMetrics | None = None
        self._thread = threading.Thread(target=self._run, name="kentik chores", daemon=True)

    @property
    def ends(self) -> tuple[End, ...]:
        """Both ends of its connections."""
        return tuple(self._client.ends)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; it is not waited for."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(TICK_S):
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - tried again in its time
                log.debug("chore failed", why=error)
        self._client.close()

    def _step(self) -> None:
        self._fleet.refresh(self._client)
        if self._metrics is None and self._fleet.lines:
            device = self._fleet.of("").found
            self._metrics = SelfMetrics(self._told, device.company, device.id)
        if self._metrics and self._metrics.due(time.monotonic()):
            points = self._metrics.points()
            if points:
                self._client.send("POST", endpoints(self._orders).metrics, json=points)

    def _told(self) -> dict[str, int]:
        return {name: self._counts[ours] for name, ours in COUNTED.items()}
