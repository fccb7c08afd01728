"""One process under watch: its pulse, its memory, and until when it may take to leave."""

import math
import signal
from dataclasses import dataclass, field

from supervisor import memory, watchdog
from supervisor.child import Child
from supervisor.watchdog import Deed, Pulse

LEAVE_S = 5.0
WEIGH_S = 1.0


@dataclass(slots=True)
class Limits:
    """What the settings allow; shared by all guards, so that a reload reaches every one."""

    memory_mib: int = 1 << 20


@dataclass(slots=True)
class Guard:
    """`why` it was asked to leave, empty if it was not; `is_wanted`: by an order of a person."""

    limits: Limits = field(default_factory=Limits)
    pulse: Pulse = field(default_factory=Pulse)
    why: str = ""
    is_wanted: bool = False
    until_s: float = math.inf
    weighed_s: float = 0.0

    def begin(self, now_s: float) -> None:
        """A new process: nothing is held against it."""
        self.pulse, self.why, self.is_wanted = Pulse(looked_s=now_s), "", False
        self.until_s, self.weighed_s = math.inf, now_s

    def listen(self, child: Child, beat: int, patience_s: float, now_s: float) -> None:
        """End it when it has given no sign of life for `patience_s`."""
        self.pulse = watchdog.felt(self.pulse, beat, now_s)
        what = watchdog.deed(self.pulse, patience_s)
        if what is Deed.KILL:
            child.kill(signal.SIGKILL)
        elif what is Deed.ABORT and not child.killed_by_us:
            child.abort(f"hung: no heartbeat for {patience_s:.0f} s")

    def weigh(self, child: Child, now_s: float) -> str:
        """Why it must leave: what it takes; looked at once a second."""
        if now_s - self.weighed_s < WEIGH_S or self.why or not child.pid:
            return ""
        self.weighed_s = now_s
        mib, limit = memory.own_mib(child.pid), self.limits.memory_mib
        return f"it took {mib} MiB of memory of its own; memory_mib allows {limit}" if mib > limit else ""

    def ask_to_leave(self, why: str, now_s: float, *, wanted: bool) -> None:
        """It has LEAVE_S for it."""
        self.why, self.is_wanted, self.until_s = why, wanted, now_s + LEAVE_S

    def hurry(self, child: Child, now_s: float) -> None:
        """Its time to leave is over."""
        if now_s >= self.until_s:
            child.kill(signal.SIGKILL, self.why)
