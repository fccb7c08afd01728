"""Where Kentik is: the URLs of a region, each of which an option may replace."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from exporter.orders import KentikOrders

USERS = "/api/internal/batch/customdimensions/kt_user/populators"
REGIONS = {"us": "kentik.com", "eu": "kentik.eu"}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URLs without a slash at their end."""

    api: str
    flow: str
    dns: str
    metrics: str
    users: str


def endpoints(orders: KentikOrders) -> Endpoints:
    """Of the region, unless named; for answers and users scheme, host and port alone count, as in kprobe."""
    region = orders.region.lower()
    domain = REGIONS.get(region, f"{region}.kentik.com")
    flow = f"https://flow.{domain}"
    return Endpoints(
        _trimmed(orders.api_url) or f"https://api.{domain}/api/internal",
        _trimmed(orders.flow_url) or f"{flow}/chf",
        _origin(orders.dns_url or flow) + "/dns",
        _trimmed(orders.metrics_url) or f"{flow}/tsdb",
        _origin(orders.api_url or f"https://api.{domain}") + USERS,
    )


def _trimmed(url: str) -> str:
    return url.rstrip("/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
