"""Start here: pipes in, spool, sinks out. The exporter owns each record from the pipe until delivered.

One thread reads control channel and pipes and writes the spool; each sink has a thread of its own.
"""

import faulthandler
import selectors
import signal
import socket
import time
from typing import Any

import setproctitle

from exporter import memory
from exporter import orders as ordered
from exporter.budget import Budget
from exporter.ending import Ending
from exporter.intake import Inlet, Intake
from exporter.log import log
from exporter.metrics import Metrics
from exporter.orders import Orders
from exporter.pulse import Pulse
from exporter.report import Reporter
from exporter.start import Parts, prepare
from shared import channel, logs, wire
from shared.errors import Exit, FlowherdError
from shared.log_forms import form_of

REPORT_S = 1.0
RETRY_S = 0.2
DRAIN_LOOK_S = 0.01


def main(descriptor: int) -> int:
    """Work for the supervisor at the other end of `descriptor`; the exit code."""
    setproctitle.setproctitle("flowherd exporter")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()  # who is stuck is sent SIGABRT: its stacks go to the log
    memory.keep()
    control = socket.socket(fileno=descriptor)
    first = channel.receive(control)
    if first is None:
        return Exit.DONE
    message, descriptors = first
    try:
        orders = ordered.from_message(message)
        log.level = orders.log_level
        logs.use(form_of(orders.log_format))
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
        self._ending, self._pulse = Ending(), Pulse(self._tell)
        self._read_last_s = time.monotonic()

    def run(self) -> int:
        """Work until drained."""
        self._control.setblocking(False)
        self._selector.register(self._control, selectors.EVENT_READ)
        samples = self._reporter.samples()
        ready = {"did": "ready", "status_port": self._orders.status_port, "samples": samples}
        self._tell(ready | {"sandbox": self._parts.sandbox, "kept": self._reporter.kept()})
        for thread in (self._pulse, *self._parts.deliveries):
            thread.start()
        due_s = time.monotonic() + REPORT_S
        while not self._is_done():
            look_s = DRAIN_LOOK_S if self._ending.is_begun else RETRY_S
            self._turn(min(look_s, max(0.0, due_s - time.monotonic())))
            self._pulse.turned()
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + REPORT_S
                self._tell(self._reporter.report() | {"spool_error": self._intake.fault})
        self._tell(self._reporter.report() if self._ending.is_retired else self._reporter.drained())
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
                self._inlets[-1].ended = self._ending.is_retired
            case "workers":
                self._parts.figures.heard(message["workers"])
            case "drain":
                self._ending.drain()
            case "retire":
                self._ending.retire()
                for inlet in self._inlets:  # what waits was not acknowledged: the successor gets it
                    inlet.ended = True
                    inlet.waiting.clear()
            case "orphaned":
                self._selector.unregister(self._control)
                self._ending.orphan()

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
        silent_s = time.monotonic() - self._read_last_s if self._budget.has_room else 0.0
        return self._ending.is_over(silent_s, self._parts.deliveries, has_inlets=bool(self._inlets))

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            channel.send(self._control, message)
        except BlockingIOError:
            return  # the supervisor is busy; the next report says it all again
        except OSError:
            return  # the supervisor is gone: its channel says so too
