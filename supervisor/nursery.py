"""The nursery as the supervisor sees it: kernels compiled once, workers forked on request."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.logs import Log
from supervisor import head_start, lifecycle
from supervisor.account import Account
from supervisor.child import Child, Message, isolated
from supervisor.loop import Loop
from supervisor.standing import Standing


@dataclass(frozen=True, slots=True)
class NurseryOrders:
    """What the nursery is started with: `raw` keeps the right to open libpcap handles, `files` loads what unpacks."""

    account: Account
    cache_dir: str
    raw: bool = False
    files: bool = False


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
        self.is_ready = False

    def launch(self) -> tuple[int, socket.socket]:
        """The one that had a head start, or a new one."""
        return head_start.take() or super().launch()

    def greet(self) -> None:
        """Compile, warm, then become the service user; where to complain, if that is not our own stderr."""
        who = self._orders.account
        start = {"do": "start", "user": who.user, "uid": who.uid, "gid": who.gid}
        orders = self._orders
        start |= {"cache_dir": orders.cache_dir, "raw": orders.raw, "files": orders.files}
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
                self.is_ready = True
                self._log.debug("kernels are warm", pid=child.pid, seconds=round(seconds, 2))
                self._news.ready()
            case {"did": "fork", "name": name, "pid": pid}:
                self._news.forked(name, pid)
            case {"did": "failed", "name": name, "why": why}:
                self._news.failed(name or "", why)

    def dismiss(self) -> None:
        """A nursery that still compiles would not notice before it is done."""
        super().dismiss() if self.is_ready else self.kill()

    def lost(self) -> None:
        """Forks under way may never be answered."""
        self.is_ready = False
        self._news.lost(self.life.why if self.life.state is lifecycle.State.FATAL else "")
