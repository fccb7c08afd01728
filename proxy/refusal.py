"""What a client is told when its request goes nowhere: a status, a counter's label and one sentence."""

import os
import re
from http import HTTPStatus
from socket import gaierror

import h11

_QUOTED = re.compile(r"[:,]?\s*(bytearray\(|b['\"])")


class Refusal(Exception):  # noqa: N818 an answer, not a fault
    """Ends a request; `reason` is one of REASONS."""

    def __init__(self, status: HTTPStatus, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.reason, self.sentence = status, reason, sentence

    @property
    def mark(self) -> tuple[str, str]:
        """What tells our refusal from one of the destination's (RFC 9209)."""
        return "Proxy-Status", f"flowherd; error={REASONS[self.reason]}"


# By their names in RFC 9209 section 2.3.
REASONS = {
    "malformed": "http_request_error",
    "forbidden": "http_request_denied",
    "private": "destination_ip_prohibited",
    "full": "connection_limit_reached",
    "slow": "http_request_error",
    "unreachable": "destination_unavailable",
    "unanswered": "http_response_incomplete",
}


def in_words(error: OSError) -> str:
    """Why, as the kernel or the resolver says it; asyncio and socket add addresses to that."""
    if error.errno is not None and not isinstance(error, gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error)


def without_quotes(error: Exception) -> str:
    """What h11 found wrong, and not the octets in question: there may be a token among them."""
    return _QUOTED.split(str(error), maxsplit=1)[0]


def malformed(sentence: str, status: int = HTTPStatus.BAD_REQUEST) -> Refusal:
    """The request cannot be taken as it is."""
    return Refusal(HTTPStatus(status), "malformed", sentence)


def not_understood(error: h11.ProtocolError) -> Refusal:
    """It is not HTTP, or HTTP of a kind h11 does not let through."""
    return malformed(f"not understood: {without_quotes(error)}", error.error_status_hint)


def forbidden(sentence: str) -> Refusal:
    """The allow-list says no."""
    return Refusal(HTTPStatus.FORBIDDEN, "forbidden", sentence)


def private(host: str) -> Refusal:
    """The name leads into a private network."""
    sentence = f"{host} leads to no public address; --allow {host} on this proxy would permit it"
    return Refusal(HTTPStatus.FORBIDDEN, "private", sentence)


def full(limit: int) -> Refusal:
    """As many connections as there may be."""
    sentence = f"this proxy has all of its {limit} connections in use; try again later"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "full", sentence)


def slow(seconds: float) -> Refusal:
    """The head of a request took too long."""
    sentence = f"no complete request within {seconds:g} s"
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, "slow", sentence)


def unreachable(host: str, why: str) -> Refusal:
    """No connection to the destination."""
    return Refusal(HTTPStatus.BAD_GATEWAY, "unreachable", f"{host} cannot be reached: {why}")


def unanswered(host: str, why: str) -> Refusal:
    """Connected, but no answer that can be passed on."""
    return Refusal(HTTPStatus.BAD_GATEWAY, "unanswered", f"{host} gave no usable answer: {why}")


def too_late(host: str, what: str, seconds: float) -> Refusal:
    """The destination takes too long."""
    reason = "unreachable" if what == "connection" else "unanswered"
    return Refusal(HTTPStatus.GATEWAY_TIMEOUT, reason, f"{host}: no {what} within {seconds:g} s")
