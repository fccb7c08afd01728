"""HTTP with Kentik: one session, its credentials, proxy and time-outs; notes the ends of its own connections."""

import math
import re
import ssl
import time
from collections import OrderedDict
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from exporter.kentik.errors import Unreachable, is_proxys
from exporter.kentik.patience import Patient, TooLong
from exporter.log import log
from exporter.orders import KentikOrders

CONNECT_S, READ_S, WHOLE_S, LEAST_S = 15.0, 30.0, 60.0, 0.1
ANSWER_BYTES = 16 << 20
ENDS_KEPT = 64
End = tuple[str, int, str, int]


class Client:
    """Not for several threads at once: each has its own."""

    def __init__(self, orders: KentikOrders) -> None:
        self._session, self._patient = requests.Session(), Patient()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._patient)
        self._session.trust_env = False  # as kprobe: only --proxy-url counts
        self._session.verify = roots()
        self._proxy = _without_credentials(orders.proxy_url)
        if orders.proxy_url:
            # With SOCKS the proxy looks names up, as with kprobe: this host may know none outside.
            url = re.sub("^socks5:", "socks5h:", orders.proxy_url)
            self._session.proxies = {"http": url, "https": url}
        self._session.headers.clear()  # what libkflow sends, and nothing of requests' own
        self._session.headers.update(
            {
                "X-CH-Auth-Email": orders.email,
                "X-CH-Auth-API-Token": orders.token,
                "User-Agent": "Go-http-client/1.1",
                "Accept-Encoding": "gzip",
            }
        )
        self.ends: OrderedDict[End, None] = OrderedDict()
        self.until_s = math.inf  # by the monotonic clock: no request takes longer

    def send(self, method: str, url: str, **more: Any) -> requests.Response:  # noqa: ANN401 - requests' own words
        """The whole answer, within WHOLE_S. Unreachable: there was none."""
        began_s = time.monotonic()
        left_s = max(min(WHOLE_S, self.until_s - began_s), LEAST_S)
        waits = (min(CONNECT_S, left_s), min(READ_S, left_s))
        try:
            with self._patient.within(left_s):
                response = self._session.request(
                    method, url, timeout=waits, stream=True, allow_redirects=False, **more
                )
                self._note_ends(response)
                response._content = _whole(response)  # noqa: SLF001 - read here, while there is time
        except requests.exceptions.ProxyError as error:
            raise Unreachable(f"{method} {url}: the proxy {self._proxy}: {_reason(error)}") from error
        except (requests.RequestException, HTTPError, UnicodeError, OSError) as error:
            raise Unreachable(f"{method} {url}: {_reason(error)}") from error
        log.trace(
            "asked", method=method, url=url, octets=len(response.request.body or b""), status=response.status_code,
            answer_octets=len(response.content), ms=round(1000 * (time.monotonic() - began_s)),
        )  # fmt: skip
        self._check_proxy(response, f"{method} {url}")
        return response

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def _check_proxy(self, response: requests.Response, what: str) -> None:
        """Of a plain request the proxy itself may be the one who refuses; TLS goes through it unopened."""
        if self._proxy and response.url.startswith("http:") and is_proxys(response):
            first = " ".join(response.text.split())[:200]
            raise Unreachable(
                f"{what}: the proxy {self._proxy} refuses: HTTP {response.status_code} {response.reason}"
                + (f" ({first})" if first else "")
            )

    def _note_ends(self, response: requests.Response) -> None:
        """Both ends of the connection: flows between them are our own."""
        sock = getattr(response.raw.connection, "sock", None)
        sock = getattr(sock, "socket", sock)  # TLS within a proxy's TLS has no names of its own
        if sock is None:
            return
        try:
            here, there = sock.getsockname(), sock.getpeername()
        except OSError:  # it is gone already
            return
        self.ends[here[0], here[1], there[0], there[1]] = None
        while len(self.ends) > ENDS_KEPT:
            self.ends.popitem(last=False)


def roots() -> str | bool:
    """The system's certificates, where a company's own may be too (SSL_CERT_FILE names others); else certifi's."""
    places = ssl.get_default_verify_paths()
    return places.cafile or places.capath or True


def _without_credentials(url: str) -> str:
    """Of a proxy's URL what may be shown."""
    return url.rpartition("@")[2].rpartition("//")[2].rstrip("/")


def _whole(response: requests.Response) -> bytes:
    """The body, unless it is too long."""
    parts, size = [], 0
    while part := response.raw.read1(1 << 16, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES:
            raise requests.RequestException("the answer is too long")
    return b"".join(parts)


def _reason(error: BaseException) -> str:
    """What is at the bottom of it, without requests' wrappings."""
    seen = error
    while not isinstance(seen, TooLong) and (seen.__cause__ or seen.__context__):
        seen = seen.__cause__ or seen.__context__  # type: ignore[assignment]
    if isinstance(seen, OSError) and seen.strerror:
        return seen.strerror
    return " ".join(str(seen).split()) or type(seen).__name__
