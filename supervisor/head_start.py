"""The nursery's process, started before our own command line is read: loading numba takes longer than all we do."""

import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress

from supervisor import credentials
from supervisor.child import isolated, launch

WITHOUT_WORKERS = frozenset(
    {"interfaces", "check", "status", "reload", "restart", "config", "flows", "query", "proxy", "version"}
    | {"--version", "-V", "--help", "-h"}
)
_waiting: list[tuple[int, socket.socket]] = []


def give(words: Sequence[str]) -> None:
    """Start it if these words seem to ask for workers; it does nothing of note before it gets its orders."""
    if WITHOUT_WORKERS.isdisjoint(words):
        environ = dict(os.environ)
        credentials.forget(environ)
        _waiting.append(launch(isolated("worker"), environ=environ))


def take() -> tuple[int, socket.socket] | None:
    """Its pid and channel, once; None when it was not started, or given away already."""
    return _waiting.pop() if _waiting else None


def call_off() -> None:
    """Nobody took it: a mistake ended us first."""
    while (left := take()) is not None:
        with suppress(ProcessLookupError):  # our own child, not waited for: no stranger has its pid
            os.kill(left[0], signal.SIGKILL)
