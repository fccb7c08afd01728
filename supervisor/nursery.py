"""The nursery as the supervisor sees it: kernels compiled once, workers forked on request."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.logs import Log
from supervisor import head_start, lifecycle
from supervisor.account import Account
from supervisor.child import Child, Message, isolated
from supervisor.loop import Loop
from supervisor.standing import START_S, Standing

ANSWER_S = 10.0
ASK_S = 2.0


@dataclass(frozen=True, slots=True)
class NurseryOrders:
    """What the nursery is started with: `raw` keeps the right to open libpcap handles, `files` loads what unpacks."""

    account: Account
    cache_dir: str
    raw: bool = False
    files: bool = False
    sandbox: bool = True


@dataclass(frozen=True, slots=True)
class NurseryNews:
    """Whom to tell what the nursery says."""

    progress: Callable[[int, int], None]
    ready: Callable[[], None]
    forked: Callable[[str, int], None]
    failed: Callable[[str, str], None]
    lost: Callable[[str], None]


class Nursery(Standing):
    """Asks for workers by name; the answer is a pid that is our own child (we are a subreaper)."""

    name = "nursery"
    words = isolated("worker")

    def __init__(
        self, loop: Loop, log: Log, orders: NurseryOrders, news: NurseryNews, stderr: int | None = None
    ) -> None:
        super().__init__(loop, log, stderr)
        self._orders, self._news = orders, news
        self.cache_dir = orders.cache_dir
        self.is_ready, self.sandbox = False, ""
        self._asked_s = 0.0

    @property
    def has_progressed(self) -> bool:
        """Its kernels were warm."""
        return self.is_ready

    @property
    def patience_s(self) -> float:
        """A kernel is compiled in seconds, a question answered at once."""
        return ANSWER_S if self.is_ready else START_S

    def watch(self, child: Child, now_s: float) -> None:
        """It has nothing to say by itself: it is asked, so that a stuck one is found before it is needed."""
        if self.is_ready and now_s - self._asked_s >= ASK_S:
            self._asked_s = now_s
            self.say({"do": "ping"})
        super().watch(child, now_s)

    def launch(self) -> tuple[int, socket.socket]:
        """The one that had a head start, or a new one."""
        return head_start.take() or super().launch()

    def greet(self) -> None:
        """Compile, warm, then become the service user; where to complain, if that is not our own stderr."""
        who = self._orders.account
        start = {"do": "start", "user": who.user, "uid": who.uid, "gid": who.gid}
        orders = self._orders
        start |= {"cache_dir": orders.cache_dir, "raw": orders.raw, "files": orders.files}
        start |= {"sandbox": orders.sandbox}
        self.say(start, () if self._stderr is None else (self._stderr,))

    def fork(self, spec: Message, descriptors: Sequence[int]) -> bool:
        """Ask for one worker."""
        return self.say({"do": "fork", "spec": spec}, tuple(descriptors))

    def heard(self, child: Child, message: Message, /) -> None:
        """Progress, ready, forked or failed."""
        match message:
            case {"did": "progress", "done": done, "of": of}:
                self._news.progress(done, of)
            case {"did": "ready", "seconds": seconds}:
                self.is_ready, self.sandbox = True, message.get("sandbox", "")
                self.proven()
                self._log.debug("kernels are warm", pid=child.pid, seconds=round(seconds, 2))
                self._news.ready()
            case {"did": "fork", "name": name, "pid": pid}:
                self._news.forked(name, pid)
            case {"did": "failed", "name": "", "why": why}:
                self.fault = why
            case {"did": "failed", "name": name, "why": why}:
                self._news.failed(name, why)

    def dismiss(self) -> None:
        """A nursery that still compiles would not notice before it is done."""
        super().dismiss() if self.is_ready else self.kill()

    def lost(self) -> None:
        """Forks under way may never be answered."""
        self.is_ready = False
        self._news.lost(self.life.why if self.life.state is lifecycle.State.FATAL else "")
