"""What listens: sockets opened before rights are given up; and descriptors enough for every connection."""

import resource
import socket

from proxy.refusal import in_words
from proxy.settings import Place
from shared.errors import ConfigurationError

BACKLOG = 1024
SPARE = 256


def opened(place: Place, what: str, option: str) -> socket.socket:
    """A listening socket; ConfigurationError when there can be none."""
    try:
        return _opened(place)
    except OSError as error:
        shown = f"{place.host or 'every address,'} port {place.port}"
        raise ConfigurationError(
            f"{what}: {shown} cannot be listened on: {in_words(error)}; choose another with {option}"
        ) from error


def _opened(place: Place) -> socket.socket:
    if not place.host and socket.has_dualstack_ipv6():
        return socket.create_server(
            ("::", place.port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
        )
    found = socket.getaddrinfo(
        place.host or None, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return socket.create_server(found[0][4][:2], family=found[0][0], backlog=BACKLOG)


def shown(sock: socket.socket) -> str:
    """Where it listens, as one writes it."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def provide_descriptors(connections: int) -> None:
    """Two for each connection; ConfigurationError when the host does not permit so many."""
    wanted = 2 * connections + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ConfigurationError(
            f"--max-connections {connections} needs {wanted} descriptors and only {hard} are permitted here; "
            "raise the limit (`ulimit -Hn`) or take fewer connections"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
