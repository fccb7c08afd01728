"""A time-out for a whole request: those of requests hold for each read, and an answer may drip for hours."""

import os
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection


class TooLong(requests.Timeout):
    """The time is over."""


class Patient(HTTPAdapter):
    """Transport that ends its connections when their time is over."""

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[Watched] = weakref.WeakSet()
        super().__init__()

    def get_connection_with_tls_context(self, *words: Any, **more: Any) -> Any:  # noqa: ANN401 - as in requests
        """The pool for a request; its connections are watched."""
        pool = super().get_connection_with_tls_context(*words, **more)
        kind = pool.ConnectionCls  # type: ignore[attr-defined]
        if not issubclass(kind, Watched):
            pool.ConnectionCls = type(  # type: ignore[attr-defined]
                kind.__name__, (Watched, kind), {"watch": self._connections}
            )
        return pool

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What is begun here ends by then. TooLong: it did not, and its connections are closed."""
        is_over = threading.Event()
        timer = threading.Timer(seconds, self._end, [is_over])
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            if not is_over.is_set():
                raise
        finally:
            timer.cancel()
        if is_over.is_set():  # a head that ends early passes for a whole one
            raise TooLong("the answer takes too long")

    def _end(self, is_over: threading.Event) -> None:
        is_over.set()
        for connection in list(self._connections):
            connection.end()


class Watched(HTTPConnection):
    """Knows its descriptor, also while the socket is handed from one object to the next."""

    watch: "weakref.WeakSet[Watched]"
    descriptor = -1

    def __init__(self, *words: Any, **more: Any) -> None:  # noqa: ANN401 - as in urllib3
        super().__init__(*words, **more)
        self.watch.add(self)

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self.descriptor = sock.fileno()
        return sock

    def end(self) -> None:
        """Whoever reads from it, in whatever layer, is at the end."""
        if self.sock is None:
            return
        with suppress(OSError), socket.socket(fileno=os.dup(self.descriptor)) as sock:
            sock.shutdown(socket.SHUT_RDWR)
