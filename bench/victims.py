"""The processes of a running flowherd by their kind, and what is done to them: killed, stopped for a while."""

import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

KINDS = ("worker", "nursery", "exporter")
EARLY = 0.1  # so many of the kills hit whom they may
SHARES = (3, 1, 1)  # a worker is killed more often: it holds most


class Victims:
    """Whom of the supervisor's children a seeded chance hits: one that is up, or, if `early`, one that starts.

    With early ones alone a slow machine would see little but starts that come to nothing.
    """

    def __init__(self, supervisor, rng, packets=lambda: 0):
        """`packets`: how many were received so far; a worker has come up when it has received some."""
        self._supervisor, self._rng, self._packets = supervisor, rng, packets
        self._before = 0
        self.hit = Counter()

    def strike(self, number=signal.SIGKILL, kinds=KINDS, *, early=False):
        """Send one of them the signal; its kind and pid, or None when there was nobody to hit."""
        kind = self._rng.choices(kinds, [SHARES[KINDS.index(kind)] for kind in kinds])[0]
        pid = self.of(kind)
        if not pid or (number == signal.SIGKILL and not (early or self._is_up(kind, pid))):
            return None
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            self.hit[kind] += 1
            return kind, pid
        return None

    def go_on(self, pid):
        """One that was stopped, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _is_up(self, kind, pid):
        if kind != "worker":
            return has_dropped(pid)
        before, self._before = self._before, self._packets()
        return self._before > before or not self._before

    def of(self, kind):
        """Pid of the first process of that kind, 0 for none."""
        return next((pid for pid, its_kind in self.all() if its_kind == kind), 0)

    def all(self):
        """Pid and kind of each child."""
        for pid in children(self._supervisor):
            words = title(pid)
            if words[:1] == ["flowherd"] and words[1] in KINDS:
                yield pid, words[1]
            elif "exporter" in words:  # it has not yet named itself
                yield pid, "exporter"
            elif "worker" in words:
                yield pid, "nursery"


def children(pid):
    """Its children's pids, those of all its threads."""
    found = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, listing.read_text().split())
    return found


def title(pid):
    """The words of its command line."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").split()
    return []


def has_dropped(pid):
    """It has become the service user, so it is past its start."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/status").read_text().split()
        return words[words.index("Uid:") + 2] != "0"
    return False
