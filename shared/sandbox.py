"""The sandbox of one process: what it may still do once all it needs is open, by Landlock and seccomp."""

import os
import re
from dataclasses import dataclass

from shared import landlock, seccomp
from shared.seccomp import Doors

OFF = "off"
WHOLE = re.compile(r"landlock (\d+), seccomp")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What stays allowed; nothing is, unless it is named.

    `families`: sockets that may be made, None: all; `ports`: where TCP may go, None: anywhere.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    families: tuple[int, ...] | None = ()
    ports: tuple[int, ...] | None = ()
    forks: bool = False
    accepts: bool = False
    signals: bool = False

    @property
    def doors(self) -> Doors:
        """The part of it that system calls are filtered by."""
        pid = 0 if self.signals else os.getpid()
        opens = bool(self.reads or self.writes)
        return Doors(files=opens, forks=self.forks, accepts=self.accepts, families=self.families, pid=pid)


def enter(sandbox: Sandbox) -> str:
    """Close every other door, for good; what the kernel had for it: `landlock 7, seccomp`.

    A kernel without is no reason to stop. Whoever calls is the process's only thread, and has no_new_privs.
    """
    had = []
    try:
        had.append(f"landlock {landlock.restrict(sandbox.reads, sandbox.writes, sandbox.ports)}")
    except OSError as error:
        had.append(f"no landlock ({error.strerror})")
    try:
        seccomp.install(sandbox.doors)
        had.append("seccomp")
    except OSError as error:
        had.append(f"no seccomp ({error.strerror})")
    return ", ".join(had)
