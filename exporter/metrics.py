"""`/metrics`: every counter of shared/counters.py in Prometheus' words, gathered when asked."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporter.delivery import Delivery
from exporter.orders import Orders
from exporter.spool import Spool
from exporter.start import Parts
from shared.counters import COUNTERS, Counter, drop_counter
from shared.reasons import FAULTS

PREFIX = "flowherd_"
DROPS = {drop_counter(reason): reason.name.lower() for reason in FAULTS}
DECODE_DROPPED = "packets the decoder could put into no flow, by reason"

Sample = tuple[tuple[str, ...], float]


class Metrics:
    """A Prometheus collector over the exporter's figures."""

    def __init__(self, orders: Orders, parts: Parts) -> None:
        self._orders = orders
        self._parts = parts
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self) -> bytes:
        """The text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus-client for each page."""
        yield self._decode_dropped()
        for counter in COUNTERS:
            if counter.name not in DROPS:
                yield self._family(counter)

    def _family(self, counter: Counter) -> Metric:
        kind = CounterMetricFamily if counter.kind == "counter" else GaugeMetricFamily
        family = kind(PREFIX + counter.name, counter.about, labels=counter.labels)
        for labels, value in self._samples(counter):
            family.add_metric(labels, value)
        return family

    def _decode_dropped(self) -> Metric:
        family = CounterMetricFamily(
            f"{PREFIX}decode_dropped", DECODE_DROPPED, labels=("interface", "reason")
        )
        for interface, counts in sorted(self._parts.figures.workers.items()):
            for name, reason in DROPS.items():
                family.add_metric((interface, reason), counts.get(name, 0))
        return family

    def _samples(self, counter: Counter) -> Iterator[Sample]:
        match counter.owner, counter.labels:
            case "exporter", ("interface",):
                yield from _by_interface(counter.name, self._parts.figures.by_interface)
            case "exporter", ("sink",):
                yield from self._of_sinks(counter.name)
            case "exporter", ():
                yield (), _spooled(counter.name, self._parts)
            case _:
                yield from _by_interface(counter.name, self._parts.figures.workers)

    def _of_sinks(self, name: str) -> Iterator[Sample]:
        if not isinstance(self._parts.keeper, Spool):
            for order in self._orders.sinks:
                yield (order.name,), self._parts.keeper.records if name == "sink_records" else 0
        for delivery in self._parts.deliveries:
            value = _delivered(name, delivery)
            if value is not None:
                yield (delivery.sink_name,), value


def _by_interface(name: str, counts: Mapping[str, Mapping[str, int]]) -> Iterator[Sample]:
    for interface in sorted(counts):
        yield (interface,), counts[interface].get(name, 0)


_DELIVERED: dict[str, Callable[[Delivery], float]] = {
    "sink_records": lambda delivery: delivery.records,
    "sink_dropped_records": lambda delivery: delivery.dropped,
    "sink_errors": lambda delivery: delivery.errors,
    "sink_lag_seconds": lambda delivery: delivery.lag_s(),
}


def _delivered(name: str, delivery: Delivery) -> float | None:
    if name in _DELIVERED:
        return _DELIVERED[name](delivery)
    return delivery.sink.figures().get(name)


def _spooled(name: str, parts: Parts) -> float:
    spool = parts.keeper
    if name == "spool_dropped_records":
        return parts.figures.spool_dropped_records
    if not isinstance(spool, Spool):
        return 0
    return {"spool_bytes": spool.bytes, "spool_corrupt_files": spool.corrupt_files}[name]
