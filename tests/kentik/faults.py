"""What goes wrong between an agent and Kentik, to order: each fault for a path and a number of requests."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["slow", "status", "reset", "cut", "half"]


@dataclass
class Fault:
    """One fault.

    Each comes after `seconds`. `slow`: that is all. `status`: answers that, with `headers`. `reset`: the connection is
    reset. `cut`: it ends in the answer's first line. `half`: it ends in the body of a 200.
    `takes`: what was posted is taken as it should be, only the answer goes wrong (reset, cut and half).
    """

    kind: Kind
    path: str = "/chf"
    times: int = 1
    seconds: float = 0.0
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    takes: bool = False
    met: int = 0


class Faults:
    """Faults in the order they were ordered; each is met until its `times` are over."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []
        self._lock = threading.Lock()

    def order(self, fault: Fault) -> Fault:
        """Have it from now on."""
        with self._lock:
            self._ordered.append(fault)
        return fault

    def mend(self) -> None:
        """All is well from now on."""
        with self._lock:
            self._ordered.clear()

    def meet(self, path: str) -> Fault | None:
        """The fault a request to `path` meets."""
        with self._lock:
            for fault in self._ordered:
                if path.startswith(fault.path) and fault.met < fault.times:
                    fault.met += 1
                    return fault
        return None


def too_many(retry_after: float | str, **more: float | str) -> Fault:
    """429 with Retry-After."""
    return Fault("status", status=429, headers={"Retry-After": str(retry_after)}, **more)  # type: ignore[arg-type]


def wait(fault: Fault, is_closing: Callable[[], bool]) -> None:
    """Be slow, but not longer than the server lives."""
    end = time.monotonic() + fault.seconds
    while time.monotonic() < end and not is_closing():
        time.sleep(0.01)


def reset(connection: socket.socket) -> None:
    """End the connection with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
