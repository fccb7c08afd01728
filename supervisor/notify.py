"""What systemd is told, over the datagram socket that it names: ready, status, alive, stopping (man 3 sd_notify).

Nobody names one: nothing is told. A few lines of our own, for a library would do nothing else.
"""

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress

from supervisor.lifecycle import State
from supervisor.number import counted
from supervisor.session import Phase
from supervisor.snapshot import Snapshot

MICRO = 1_000_000
ENDING = {phase.value for phase in (Phase.DRAINING_WORKERS, Phase.DRAINING_EXPORTER, Phase.DONE)}


class Notifier:
    """Says each thing once, and that we are alive when it is due."""

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.pop("NOTIFY_SOCKET", "")  # our children have nothing to say there
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every_s = _watchdog_s(environ)
        self._alive_s, self._status, self._state = 0.0, "", ""
        self._sock: socket.socket | None = None
        if address:
            self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._sock.setblocking(False)

    def show(self, shown: Snapshot, now_s: float) -> None:
        """Ready when each interface is captured that was to be at the start, or was given up; stopping; and a line."""
        self._status = self._once(f"STATUS={in_words(shown)}", self._status)
        is_working, is_ending = shown.phase == Phase.WORKING.value, shown.phase in ENDING
        if is_working and not any(row.state == State.STARTING.value for row in shown.rows):
            self._state = self._once("READY=1", self._state)
        elif is_ending:
            self._state = self._once("STOPPING=1", self._state)
        if self._every_s and now_s - self._alive_s >= self._every_s and self._say("WATCHDOG=1"):
            self._alive_s = now_s

    def _once(self, text: str, before: str) -> str:
        """Say what differs from what was said before; what was said last."""
        return text if text != before and self._say(text) else before

    def _say(self, text: str) -> bool:
        with suppress(OSError):  # nobody listens, or has no time: what matters is said again
            return self._sock is not None and self._sock.sendto(text.encode(), self._address) > 0
        return False


def in_words(shown: Snapshot) -> str:
    """For `systemctl status`."""
    if shown.phase != Phase.WORKING.value:
        return shown.phase
    watched = sum(row.state == State.RUNNING.value for row in shown.rows)
    packets = sum(row.packets_s or 0 for row in shown.rows)
    dropped = sum(row.dropped for row in shown.rows)
    of = counted(len(shown.rows), "interface")
    return f"{watched} of {of} watched, {packets:,.0f} packets/s, {dropped:,} dropped"


def _watchdog_s(environ: MutableMapping[str, str]) -> float:
    """Half the time systemd waits for a sign of life; 0: it does not."""
    micro, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    is_ours = micro.isdigit() and pid in {"", str(os.getpid())}
    return int(micro) / MICRO / 2 if is_ours else 0.0
