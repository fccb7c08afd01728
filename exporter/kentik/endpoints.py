"""Where Kentik is: the URLs of a region, each of which an option may replace."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from exporter.orders import KentikOrders

REGIONS = {"us": "kentik.com", "eu": "kentik.eu"}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URLs without a slash at their end."""

    api: str
    flow: str
    dns: str
    metrics: str


def endpoints(orders: KentikOrders) -> Endpoints:
    """Of the region, unless named; of `dns_url` only scheme, host and port count."""
    region = orders.region.lower()
    domain = REGIONS.get(region, f"{region}.kentik.com")
    flow = f"https://flow.{domain}"
    return Endpoints(
        _trimmed(orders.api_url) or f"https://api.{domain}/api/internal",
        _trimmed(orders.flow_url) or f"{flow}/chf",
        _origin(orders.dns_url or flow) + "/dns",
        _trimmed(orders.metrics_url) or f"{flow}/tsdb",
    )


def _trimmed(url: str) -> str:
    return url.rstrip("/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
