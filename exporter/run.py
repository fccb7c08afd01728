"""Start here: pipes in, spool, sinks out. The exporter owns each record from the pipe until delivered.

One thread reads control channel and pipes and writes the spool; each sink has a thread of its own.
"""

import selectors
import signal
import socket
import time
from typing import Any

import setproctitle

from exporter import memory
from exporter import orders as ordered
from exporter.budget import Budget
from exporter.intake import Inlet, Intake
from exporter.log import log
from exporter.metrics import Metrics
from exporter.orders import Orders
from exporter.report import Reporter
from exporter.start import Parts, prepare
from shared import channel, wire
from shared.errors import Exit, FlowherdError

REPORT_S = 1.0
RETRY_S = 0.2
DRAIN_S = 1.0
DRAIN_LOOK_S = 0.01
ORPHAN_S = 3.0


def main(descriptor: int) -> int:
    """Work for the supervisor at the other end of `descriptor`; the exit code."""
    setproctitle.setproctitle("flowherd exporter")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory.keep()
    control = socket.socket(fileno=descriptor)
    first = channel.receive(control)
    if first is None:
        return Exit.DONE
    message, descriptors = first
    try:
        orders = ordered.from_message(message)
        log.level = orders.log_level
        parts = prepare(orders, descriptors)
    except FlowherdError as error:
        channel.send(control, {"did": "refused", "why": str(error), "code": int(error.code)})
        return error.code
    if parts.page is not None:
        parts.page.start(Metrics(orders, parts).page)
    return Exporter(control, orders, parts).run()


class Exporter:
    """The loop: what is ready is read, kept, acknowledged; once a second it reports."""

    def __init__(self, control: socket.socket, orders: Orders, parts: Parts) -> None:
        self._control = control
        self._orders = orders
        self._parts = parts
        self._budget = Budget(orders, parts)
        self._reporter = Reporter(orders, parts)
        self._intake = Intake(parts.keeper, parts.figures, self._reporter.saw)
        self._inlets: list[Inlet] = []
        self._selector = selectors.DefaultSelector()
        self._drains = False
        self._patience_s = DRAIN_S
        self._read_last_s = time.monotonic()

    def run(self) -> int:
        """Work until drained."""
        self._control.setblocking(False)
        self._selector.register(self._control, selectors.EVENT_READ)
        samples = self._reporter.samples()
        self._tell({"did": "ready", "status_port": self._orders.status_port, "samples": samples})
        for delivery in self._parts.deliveries:
            delivery.start()
        due_s = time.monotonic() + REPORT_S
        while not self._is_done():
            self._turn(min(DRAIN_LOOK_S if self._drains else RETRY_S, max(0.0, due_s - time.monotonic())))
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + REPORT_S
                self._tell(self._reporter.report())
        self._tell(self._reporter.drained())
        return Exit.DONE

    def _turn(self, timeout_s: float) -> None:
        """Read what is ready, keep it, acknowledge it, and let the spool go of what every sink has."""
        for key, _events in self._selector.select(timeout_s):
            if key.data is None:
                self._obey()
            else:
                self._read(key.data)
        self._intake.settle(self._inlets)
        self._budget.keep()
        for inlet in self._inlets:
            self._watch(inlet)
        self._inlets = [inlet for inlet in self._inlets if not inlet.closed]

    def _obey(self) -> None:
        received = channel.receive(self._control)
        message, descriptors = received or ({"do": "orphaned"}, [])
        match message["do"]:
            case "attach":
                self._inlets.append(self._intake.attach(message["name"], *descriptors))
            case "workers":
                self._parts.figures.heard(message["workers"])
            case "drain":
                self._drains = True
            case "orphaned":
                self._selector.unregister(self._control)
                self._drains, self._patience_s = True, ORPHAN_S

    def _read(self, inlet: Inlet) -> None:
        self._read_last_s = time.monotonic()
        try:
            self._intake.read(inlet)
        except wire.WireError as error:
            inlet.ended = True
            self._parts.figures.of(inlet.name)["pipes_out_of_step"] += 1
            log.error("pipe given up", interface=inlet.name, why=error)
            self._tell({"did": "broken", "name": inlet.name, "why": str(error)})

    def _watch(self, inlet: Inlet) -> None:
        """Read on while there is room for what comes; close what has ended."""
        wanted = not inlet.waiting and not inlet.ended and self._budget.has_room
        if wanted != inlet.watched:
            inlet.watched = wanted
            if wanted:
                self._selector.register(inlet.batches, selectors.EVENT_READ, inlet)
            else:
                self._selector.unregister(inlet.batches)
        if inlet.ended and not inlet.waiting:
            inlet.close()

    def _is_done(self) -> bool:
        """Drained: pipes at their end or silent for a while, and every sink's thread at its end."""
        is_silent = self._budget.has_room and time.monotonic() - self._read_last_s > self._patience_s
        if not self._drains or (self._inlets and not is_silent):
            return False
        for delivery in self._parts.deliveries:
            delivery.drain()
        return not any(delivery.is_alive() for delivery in self._parts.deliveries)

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            channel.send(self._control, message)
        except BlockingIOError:
            return  # the supervisor is busy; the next report says it all again
        except OSError:
            self._drains = True
