"""START HERE. `flowherd run`: one loop that watches links, workers and the exporter until told to stop."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from shared.errors import FlowherdError
from shared.logs import Log
from shared.settings import Settings
from supervisor import account, premises, summary
from supervisor.commission import Commission
from supervisor.control import Control
from supervisor.display import Display
from supervisor.inventory import LinkWatch
from supervisor.ledger import Ledger
from supervisor.muster import Muster
from supervisor.nursery import NurseryOrders
from supervisor.post import Post
from supervisor.requests import Requests
from supervisor.resizer import Resizer
from supervisor.screen import Screen, screen_for
from supervisor.session import Phase, Session
from supervisor.terminal import terminals

TICK_S = 0.5
SETTLE_S = 0.05


class Service(Session):
    """A live run: a session whose posts follow the links."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        commission: Commission,
        screen: Screen,
        read: Callable[[], Settings],
        locks: premises.Locks,
    ) -> None:
        orders = commission.orders(settings, top=screen.stderr is not None)
        raw = "pcap" in {part.capture for part in (settings.defaults, *settings.per_interface.values())}
        nursery = NurseryOrders(orders.account, settings.cache_dir, raw=raw, sandbox=settings.sandbox)
        super().__init__(log, nursery, orders, drain_s=settings.drain_s, stderr=screen.stderr)
        self.nursery.is_lasting = self.exporter.is_lasting = True
        self._muster = Muster(settings, self.herd, log, self.sample_key, self.exporter.report)
        self._requests = Requests(
            settings, read, commission, self._muster, self.herd, self.exporter, self.limits, log
        )
        self._terminals = terminals()
        self._links, self._control = LinkWatch(), Control(Path(settings.runtime_dir), self.loop, self._answer)
        self._display = Display(log, screen, self.herd, self.nursery, self.exporter)
        self._resizer = Resizer(log)
        self._look_s, self._tick_s = float("inf"), 0.0
        self._waits = orders.sends_to_kentik
        self._samples: dict[str, int] = {}
        self._restore = partial(premises.restore, settings, log)
        self._foothold = premises.Foothold(settings, log, locks, self._control)
        self._ledger = Ledger.open(Path(settings.state_dir))

    def run(self) -> int:
        """Begin, watch, drain."""
        self.begin()
        self.log.warm()
        self.loop.watch(self._links.fileno(), self._look_soon)
        while self._waits and self.phase is Phase.WORKING and not self.exporter.report.is_ready:
            self.turn(TICK_S)  # a sample rate that nobody chose is Kentik's device's
        if self.phase is Phase.WORKING:
            self._begin_watch()
        while self.phase is not Phase.DONE:
            self.turn(min(self._tick_s, self._look_s) - time.monotonic())
            self._work(time.monotonic())
        self._show(time.monotonic())
        self._display.detach()
        self._control.close()
        self._muster.close()
        self._ledger.close()
        self.finish()
        self.verdict.sentences += self.exporter.report.undelivered("wait in the spool for the next run")
        return self.verdict.code

    def _begin_watch(self) -> None:
        try:
            self._muster.first()
        except FlowherdError as error:
            self.verdict.fail(str(error), error.code)
            self.stop("cannot start")
        else:
            self._display.attach(self.loop)

    def _work(self, now_s: float) -> None:
        if self.phase is Phase.WORKING and now_s >= self._look_s:
            self._look_s = float("inf")
            self._muster.again()
        if now_s >= self._tick_s:
            self._tick_s = now_s + TICK_S
            self._control.tick(now_s)
            self._foothold.keep(self.herd.posts.values())
            self._requests.tidy()
            if self._samples != self.exporter.report.samples:
                self._samples, self._look_s = self.exporter.report.samples, now_s
            if self._muster.captures.regulate(self.herd.posts.values(), now_s):
                self._look_s = now_s
            self._show(now_s)
            if self.phase is Phase.WORKING:
                self._resizer.fit(list(self.herd.posts.values()), now_s)
            if self.phase is Phase.WORKING and self._restore(self.exporter.orders):
                self.exporter.replace("its folders were made again", wanted=True)
            self._ledger.keep(self.exporter.report, self.herd.posts.values(), now_s, self.log)
            self.exporter.tell_workers(self._display.messages())

    def _show(self, now_s: float) -> None:
        self._display.show(self.phase.value, self._muster.choices, now_s)

    def progress(self, done: int, of: int) -> None:
        """It is shown; on a live screen that is enough."""
        self._display.note = self.compiling(done, of)
        if not self._display.is_live:
            super().progress(done, of)

    def warmed(self) -> None:
        """The nursery is ready."""
        self._display.note = ""

    def pressed(self, post: Post) -> None:
        """Its ring grows, if it may."""
        self._resizer.relieve(post)

    def _look_soon(self) -> None:
        """Links often change in bursts: one look a little later sees them all."""
        self._links.clear()
        self._look_s = min(self._look_s, time.monotonic() + SETTLE_S)

    def left(self, post: Post, why: str) -> None:
        """A drained post may have a successor: a renamed link, or one that came up again meanwhile."""
        if why:
            super().left(post, why)
            self.log.error("worker ended while draining", interface=post.name, why=why)
        if self.phase is not Phase.WORKING:
            self._display.bid_farewell(post)
        elif post.has_heir:
            self._muster.keep(post)
        self._look_s = time.monotonic()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("do") == "status":
            return {"pid": os.getpid(), **self._display.as_map()}
        if self.phase is not Phase.WORKING:
            raise FlowherdError("this flowherd is about to end")
        done = self._requests.answer(request)
        self.drain_within(self._requests.settings.drain_s)
        self._look_s = time.monotonic()
        return {"done": done}

    def signalled(self, number: int) -> None:
        """SIGHUP: reload, unless it says that our terminal was closed."""
        if number != signal.SIGHUP or terminals() != self._terminals:
            super().signalled(number)
        elif self.phase is Phase.WORKING:
            with suppress(FlowherdError, OSError):  # it stands in the log
                self._answer({"do": "reload"})


def run(settings: Settings, log: Log, read: Callable[[], Settings]) -> int:
    """The verb: check, take the folders, watch, and say what came of it."""
    if os.geteuid() != 0:
        raise FlowherdError("capturing needs root: start it with sudo; replay needs no rights")
    who = account.service_account(settings.user)
    commission = Commission(who, settings, log_level=log.level)
    locks = premises.take(settings, who)
    with ExitStack() as stack:
        for lock in locks:
            stack.callback(lock.release)
        stack.callback(commission.close)
        screen = screen_for(log, is_live="jsonl:-" not in {sink.name for sink in commission.sinks})
        if who.warning:
            log.warning(who.warning)
        service = Service(settings, log, commission, screen, read, locks)
        code = service.run()
    summary.say(service)
    return code
