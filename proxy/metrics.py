"""`/metrics`: the tallies in Prometheus' words, gathered when asked."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from proxy.refusal import REASONS
from proxy.tallies import Tallies

PREFIX = "flowherd_proxy_"
TOTALS = {
    "connections": "client connections accepted",
    "idle_closed": "connections closed because nothing moved",
    "broken": "connections that one side broke off",
}
BY_HOST = {
    "tunnels": "CONNECT tunnels opened, by destination",
    "requests": "plain requests sent on, by destination",
    "failures": "destinations not reached, or without a usable answer",
    "sent_bytes": "octets to the destination",
    "received_bytes": "octets from the destination",
}


class Metrics:
    """A Prometheus collector over the tallies."""

    def __init__(self, tallies: Tallies, limit: int) -> None:
        self._tallies, self._limit = tallies, limit
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self) -> bytes:
        """The text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus-client for each page."""
        yield GaugeMetricFamily(f"{PREFIX}open", "client connections open now", self._tallies.open)
        yield GaugeMetricFamily(f"{PREFIX}limit", "client connections there may be", self._limit)
        for name, about in TOTALS.items():
            yield CounterMetricFamily(PREFIX + name, about, getattr(self._tallies, name))
        yield self._refused()
        yield from self._by_host()

    def _refused(self) -> Metric:
        family = CounterMetricFamily(
            f"{PREFIX}refused", "requests answered with an error of ours", labels=["reason"]
        )
        for reason in REASONS:
            family.add_metric([reason], self._tallies.refused[reason])
        return family

    def _by_host(self) -> Iterator[Metric]:
        busy = GaugeMetricFamily(
            f"{PREFIX}host_open", "connections to the destination open now", labels=["host"]
        )
        families = {
            name: CounterMetricFamily(f"{PREFIX}host_{name}", about, labels=["host"])
            for name, about in BY_HOST.items()
        }
        for host, tally in sorted(self._tallies.hosts.items()):
            busy.add_metric([host], tally.open)
            for name, family in families.items():
                family.add_metric([host], getattr(tally, name))
        yield busy
        yield from families.values()
