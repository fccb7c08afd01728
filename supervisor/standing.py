"""A process that ought to run as long as we do, nursery or exporter: started, started again, ended."""

import math
import signal
import socket
import time

from shared.logs import Log
from supervisor import descriptors, guard, lifecycle
from supervisor.child import Child, End, Message, launch
from supervisor.lifecycle import Life, Policy, State
from supervisor.loop import Loop

POLICY = Policy()
# Who got ready starts anew as often as it is killed; five ends in a row before that are a crash loop, however long
# each takes: kernels that cannot be compiled are tried for a minute.
STANDING_POLICY = Policy(intensity=4, period_s=math.inf, busy_period_s=3.0)
# Who was ready once is never given up: with it all flow tables would go. It is waited for, longer each time.
PROVEN_POLICY = Policy(intensity=1 << 30, busy_period_s=3.0)
LARGE_POLICY = Policy(intensity=4, period_s=600.0)
START_S = 300.0
FILE_POLICY = Policy(intensity=2)  # a capture file whose worker dies for the third time is left


class Standing:
    """The common part; `greet` and `heard` are each process's own."""

    name = ""
    words: tuple[str, ...] = ()

    def __init__(self, loop: Loop, log: Log, stderr: int | None = None) -> None:
        self.child: Child | None = None
        self.life = Life()
        self.guard, self.fault = guard.Guard(), ""
        self.is_lasting = self.is_proven = False
        self._loop, self._log, self._stderr = loop, log, stderr

    def greet(self) -> None:
        """Send the new process its start message."""
        raise NotImplementedError

    def heard(self, child: Child, message: Message, /) -> None:
        """It said something."""
        raise NotImplementedError

    @property
    def patience_s(self) -> float:
        """It may be silent for so long."""
        return START_S

    def lost(self) -> None:
        """It died; a successor is on its way unless `life` is FATAL."""

    @property
    def has_progressed(self) -> bool:
        """It had got ready for its work: its end is no failed start."""
        raise NotImplementedError

    def proven(self) -> None:
        """It got ready; in a live run those to come will as well."""
        self.is_proven = self.is_lasting

    @property
    def _policy(self) -> Policy:
        return PROVEN_POLICY if self.is_proven else STANDING_POLICY

    @property
    def is_gone(self) -> bool:
        """No process is left."""
        return self.child is None

    def start(self) -> None:
        """Start the process and tell it what it needs."""
        pid, ours = self.launch()
        self.child = Child(self.name, ours, self._loop, self)
        self.child.adopt(pid)
        self.guard.begin(time.monotonic())
        self.fault = ""
        self.greet()

    def launch(self) -> tuple[int, socket.socket]:
        """A new process of ours: its pid and our end of its channel."""
        return launch(self.words, stderr=self._stderr)

    def tick(self, now_s: float) -> None:
        """Start a successor when its back-off is over."""
        if lifecycle.is_due(self.life, now_s):
            self.life = lifecycle.restarting(self.life, now_s)
            try:
                self.start()
            except OSError as error:
                why = f"cannot be started: {descriptors.reason(error)}"
                self.life = lifecycle.died(self.life, now_s, why, self._policy)
                self._log.error(f"{self.name} {why}")
        elif self.child and self.life.state is not State.STOPPING:
            self.watch(self.child, now_s)

    def watch(self, child: Child, now_s: float) -> None:
        """End it when it is silent; have it leave when it is too large."""
        self.guard.listen(child, child.messages, self.patience_s, now_s)
        self.guard.hurry(child, now_s)
        if why := self.guard.weigh(child, now_s):
            self.replace(why)

    def replace(self, why: str, *, wanted: bool = False) -> None:
        """Have a successor take over; `wanted`: by an order, so that it counts as no failure."""
        if self.child:
            self.guard.ask_to_leave(why, time.monotonic(), wanted=wanted)
            self.retire(self.child)

    def retire(self, child: Child) -> None:
        """Who holds nothing need not be asked."""
        child.kill(signal.SIGKILL, self.guard.why)

    def say(self, message: Message, descriptors: tuple[int, ...] = ()) -> bool:
        """Send a message; a successor of a process that did not get it is told anew."""
        return self.child is not None and self.child.send(message, descriptors)

    def dismiss(self) -> None:
        """Close its channel: it ends by itself."""
        self.life = lifecycle.stopping(self.life, time.monotonic())
        if self.child:
            self.child.hang_up()

    def kill(self) -> None:
        """End it at once."""
        self.life = lifecycle.stopping(self.life, time.monotonic())
        if self.child:
            self.child.kill(signal.SIGKILL, "told to stop at once")

    def ended(self, child: Child, end: End, /) -> None:
        """The process is gone: explain why and decide what follows."""
        self.child = None
        if self.life.state is State.STOPPING:
            return
        now_s = time.monotonic()
        if self.guard.is_wanted:
            self.life = lifecycle.restarting(Life(restarts=self.life.restarts), now_s)
            self.lost()
            self.start()
            return
        why = self.guard.why or self.fault or end.explain(child.killed_by_us)
        is_large, ready = bool(self.guard.why), self.has_progressed
        policy = LARGE_POLICY if ready and is_large else self._policy
        self.life = lifecycle.died(self.life, now_s, why, policy, progressed=ready and not is_large)
        what = "starting again" if self.life.state is State.BACKOFF else "given up"
        self._log.error(f"{self.name} ended, {what}", pid=child.pid, why=self.life.why)
        self.lost()
        self.tick(now_s)
