"""What can go wrong with Kentik, by what is to be done about it."""

from http import HTTPStatus

from requests import Response

from shared.errors import FlowherdError

REDIRECTS = range(300, 400)
# Of the proxy on the way or of the moment, not of what was asked (RFC 9110, RFC 8470).
FOR_NOW = (
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
SERVER_ERRORS = 500
RETRY_MOST_S = 3600.0


class Unreachable(Exception):  # noqa: N818 - a state of the world
    """Nobody answered, or the answer was for now, or led elsewhere: try again, not before `wait_s`."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Rejected(FlowherdError):  # noqa: N818 - it is our request that was wrong
    """Another 4xx: the same request would be answered so again."""


class Unknown(FlowherdError):  # noqa: N818 - a state of the world
    """Kentik has no such device, or no such place."""


class Denied(FlowherdError):  # noqa: N818 - a state of the world
    """Kentik refuses the credentials, or forbids their user something."""


def check(response: Response, what: str, accepted: tuple[int, ...] = (HTTPStatus.OK,)) -> None:
    """Nothing if the status is one of those accepted; else one of the above, with Kentik's own words."""
    status = response.status_code
    if status in accepted:
        return
    said = _said(response)
    why = f"{what}: HTTP {status}{f' ({said})' if said else ''}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise _denied(status, why, said)
    if status in REDIRECTS or status in FOR_NOW or status >= SERVER_ERRORS:
        raise Unreachable(why, _wait_s(response))
    if status == HTTPStatus.NOT_FOUND:
        raise Unknown(why)
    raise Rejected(why)


def _denied(status: int, why: str, said: str) -> Denied:
    """The first words are kprobe's, for whoever looks for them in a log; 403 is no failed authentication there."""
    if status == HTTPStatus.UNAUTHORIZED:
        return Denied(
            f"authentication failed: Kentik refuses the credentials: {why}; check --email and --token"
        )
    if said:
        return Denied(f"Kentik forbids it: {why}; check --email, --token and what that user may do")
    return Denied(
        f"Kentik, or something on the way there, forbids it: {why}, without a word of Kentik's API; "
        "check --email, --token, firewalls and proxies"
    )


def is_proxys(response: Response) -> bool:
    """Whether the answer to a plain request through a proxy is the proxy's own: 407, or a 403 that is not the API's."""
    if response.status_code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return True
    is_marked = any(name.lower().startswith("proxy-") for name in response.headers)
    return response.status_code == HTTPStatus.FORBIDDEN and (is_marked or not _said(response))


def _said(response: Response) -> str:
    """The API's `error`, if there is one."""
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return ""
    return " ".join(str(answer.get("error", "")).split())[:200] if isinstance(answer, dict) else ""


def _wait_s(response: Response) -> float:
    """Retry-After (RFC 9110 section 10.2.3) in seconds; a date is left to the usual back-off."""
    word = response.headers.get("Retry-After", "")
    return min(float(word), RETRY_MOST_S) if word.isdecimal() else 0.0
