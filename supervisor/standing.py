"""A process that ought to run as long as we do, nursery or exporter: started, started again, ended."""

import signal
import socket
import time

from shared.logs import Log
from supervisor import lifecycle
from supervisor.child import Child, End, Message, launch
from supervisor.lifecycle import Life, Policy, State
from supervisor.loop import Loop

POLICY = Policy()
STANDING_POLICY = Policy(intensity=4)
FILE_POLICY = Policy(intensity=2)  # a capture file whose worker dies for the third time is left


class Standing:
    """The common part; `greet` and `heard` are each process's own."""

    name = ""
    words: tuple[str, ...] = ()

    def __init__(self, loop: Loop, log: Log, stderr: int | None = None) -> None:
        self.child: Child | None = None
        self.life = Life()
        self._loop, self._log, self._stderr = loop, log, stderr

    def greet(self) -> None:
        """Send the new process its start message."""
        raise NotImplementedError

    def heard(self, child: Child, message: Message, /) -> None:
        """It said something."""
        raise NotImplementedError

    def lost(self) -> None:
        """It died; a successor is on its way unless `life` is FATAL."""

    @property
    def is_gone(self) -> bool:
        """No process is left."""
        return self.child is None

    def start(self) -> None:
        """Start the process and tell it what it needs."""
        pid, ours = self.launch()
        self.child = Child(self.name, ours, self._loop, self)
        self.child.adopt(pid)
        self.greet()

    def launch(self) -> tuple[int, socket.socket]:
        """A new process of ours: its pid and our end of its channel."""
        return launch(self.words, stderr=self._stderr)

    def tick(self, now_s: float) -> None:
        """Start a successor when its back-off is over."""
        if lifecycle.is_due(self.life, now_s):
            self.life = lifecycle.restarting(self.life, now_s)
            self.start()

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
        self.life = lifecycle.died(self.life, now_s, end.explain(child.killed_by_us), STANDING_POLICY)
        what = "starting again" if self.life.state is State.BACKOFF else "given up"
        self._log.error(f"{self.name} ended, {what}", pid=child.pid, why=self.life.why)
        self.lost()
        self.tick(now_s)
