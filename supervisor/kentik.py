"""Pure: what of Kentik's settings can never work, to a sentence; no credentials are shown in it."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from shared.errors import ConfigurationError
from shared.settings import KentikSettings

URLS = ("api_url", "flow_url", "dns_url", "metrics_url")
WEB = ("http", "https")
PROXIES = (*WEB, "socks4", "socks4a", "socks5", "socks5h")
WORD = re.compile(r"[!-~]*")
LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
REGION = re.compile(rf"(?=.{{1,240}}\Z){LABEL}(\.{LABEL})*")
NAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(\.{LABEL})*\.?")


def check(kentik: KentikSettings) -> None:
    """ConfigurationError: the first that is wrong."""
    for name in ("email", "token"):
        if not WORD.fullmatch(getattr(kentik, name)):
            raise ConfigurationError(f"{name}: there is a space, a line's end or a sign beyond ASCII in it")
    if not REGION.fullmatch(kentik.region):
        raise ConfigurationError(f"region: {kentik.region!r} is none; US, EU or another cluster's name")
    if kentik.device_ip and not _is_address(kentik.device_ip):
        raise ConfigurationError(f"device_ip: {kentik.device_ip!r} is no IP address")
    for name in URLS:
        _check_url(name, getattr(kentik, name), WEB)
        if "@" in urlsplit(getattr(kentik, name)).netloc:
            raise ConfigurationError(
                f"{name}: it names a user; leave it out, --email and --token say who we are"
            )
    proxy = kentik.proxy_url
    _check_url("proxy_url", f"http://{proxy}" if proxy and "://" not in proxy else proxy, PROXIES)


def _check_url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    """Its user's password may stand in it, so it is not shown."""
    try:
        is_good = not url or _leads_somewhere(urlsplit(url), schemes)
    except ValueError:
        is_good = False
    if not is_good or not WORD.fullmatch(url):
        raise ConfigurationError(f"{name}: it is no URL, https://host:port/…; known are {', '.join(schemes)}")


def _leads_somewhere(parts: SplitResult, schemes: tuple[str, ...]) -> bool:
    """Scheme, host and port are some; ValueError: they are not even that."""
    host = parts.hostname or ""
    is_host = bool(NAME.fullmatch(host)) or (":" in host and _is_address(host))
    return parts.scheme in schemes and is_host and parts.port != 0


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
