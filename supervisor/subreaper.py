"""Makes us the parent of workers whose own parent has ended, and buries those nobody told us of: prctl(2)."""

import os

from shared.privileges import PR_SET_CHILD_SUBREAPER, prctl


def become_subreaper() -> None:
    """Orphans below us become our children instead of init's."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def bury_strangers(known: set[int]) -> None:
    """Wait for dead children that no pidfd watches: what a killed nursery left half forked."""
    while True:
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if dead is None or dead.si_pid in known:  # its own watcher takes it next turn; then we look again
            return
        os.waitpid(dead.si_pid, 0)
