"""Where Kentik is: the URLs of a region, each of which an option may replace."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.settings import KentikSettings

USERS = "/api/internal/batch/customdimensions/kt_user/populators"
PORTS = {"http": 80, "https": 443} | dict.fromkeys(("socks4", "socks4a", "socks5", "socks5h"), 1080)
REGIONS = {"us": "kentik.com", "eu": "kentik.eu"}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URLs without a slash at their end."""

    api: str
    flow: str
    dns: str
    metrics: str
    users: str


def endpoints(orders: KentikSettings) -> Endpoints:
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


def ends(orders: KentikSettings) -> list[tuple[str, int]]:
    """Host and port of each place above, and of the proxy on the way there last, if there is one."""
    places = endpoints(orders)
    urls = [places.api, places.flow, places.dns, places.metrics, places.users]
    proxy = orders.proxy_url
    urls += [proxy if "://" in proxy else f"http://{proxy}"] if proxy else []
    parts = map(urlsplit, urls)
    return list(dict.fromkeys((part.hostname or "", part.port or PORTS[part.scheme]) for part in parts))


def _trimmed(url: str) -> str:
    return url.rstrip("/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
