"""What the supervisor is told: a report every second and the totals when drained."""

from typing import Any

from exporter.orders import Orders
from exporter.spool import Spool
from exporter.start import Parts
from exporter.top import Conversations
from shared.record import Batch


class Reporter:
    """Gathers figures from intake, spool and sinks."""

    def __init__(self, orders: Orders, parts: Parts) -> None:
        self._orders = orders
        self._parts = parts
        self._conversations = Conversations()

    def saw(self, batch: Batch) -> None:
        """A batch that was kept."""
        if self._orders.top:
            self._conversations.add(batch.rows)

    def report(self) -> dict[str, Any]:
        """The state of this second."""
        figures, keeper = self._parts.figures, self._parts.keeper
        sinks = self._sinks()
        figures.tick(*self._flows())
        return {
            "did": "report",
            "records": figures.total("records_received"),
            "batches": figures.total("batches_received"),
            "spool_bytes": keeper.bytes if isinstance(keeper, Spool) else 0,
            "sinks": sinks,
            "top": self._conversations.heaviest() if self._orders.top else [],
            "samples": self.samples(),
        }

    def _flows(self) -> tuple[int, int]:
        """Flows in and out for `/v1/status`: as Kentik counts them where it is sent to, else records."""
        sent = [delivery for delivery in self._parts.deliveries if delivery.sink_name == "kentik"]
        if sent:
            told = sent[0].sink.figures()
            return told.get("kentik_records_in", 0), told.get("kentik_records_sent", 0)
        sinks = self._sinks()
        return self._parts.figures.total("records_received"), sinks[0]["records"] if sinks else 0

    def samples(self) -> dict[str, int]:
        """Sample rates that a sink's other end decides, by interface; the others' under the empty name."""
        found: dict[str, int] = {}
        for delivery in self._parts.deliveries:
            found |= getattr(delivery.sink, "samples", {})
        return found

    def kept(self) -> list[tuple[int, int]]:
        """How many records of each epoch have ever reached the spool."""
        keeper = self._parts.keeper
        return keeper.kept() if isinstance(keeper, Spool) else []

    def drained(self) -> dict[str, Any]:
        """The totals."""
        return {
            "did": "drained",
            "records": self._parts.figures.total("records_received"),
            "sinks": self._sinks(),
        }

    def _sinks(self) -> list[dict[str, Any]]:
        if not isinstance(self._parts.keeper, Spool):
            return [_sink(order.name, records=self._parts.keeper.records) for order in self._orders.sinks]
        return [
            _sink(
                delivery.sink_name,
                records=delivery.records,
                dropped=delivery.dropped,
                waiting=delivery.waiting(),
                errors=delivery.errors,
                lag_s=round(delivery.lag_s(), 3),
                error=delivery.error,
            )
            for delivery in self._parts.deliveries
        ]


def _sink(name: str, **known: Any) -> dict[str, Any]:  # noqa: ANN401 - figures of several types
    return {
        "name": name,
        "records": 0,
        "dropped": 0,
        "waiting": 0,
        "errors": 0,
        "lag_s": 0.0,
        "error": None,
        **known,
    }
