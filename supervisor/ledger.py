"""What a run that cannot drain leaves behind: a note in the state folder, kept while we work, gone at a clean end.

A note that the next start finds is what was lost: flow tables and outboxes are memory, so they went with the run.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.logs import Log
from supervisor.number import counted
from supervisor.outbound import Report
from supervisor.post import Post

NAME = "run.json"
EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Left:
    """One interface at the last look: flows in its table, records made so far, under its table's epoch."""

    name: str
    epoch: int
    flows: int
    records: int

    def lost(self, kept: Mapping[int, int]) -> tuple[int, int]:
        """Flows and records that nobody has, at most; `kept`: records that reached the spool, by epoch.

        A worker that outlived us reported its flows: those are among what was kept. Fewer records than flows tell
        nothing of any: they may be of the active timeout, after which a flow lives on.
        """
        have = kept.get(self.epoch, 0)
        missing = max(self.records - have, 0)
        return (0 if have - self.records >= self.flows else self.flows), missing


@dataclass(slots=True)
class Ledger:
    """The note of this run, and that of the one before if it could not end."""

    folder: Path
    former: tuple[Left, ...] = ()
    former_pid: int = 0
    former_s: float = 0.0
    is_same_boot: bool = True
    _due_s: float = field(default=0.0)

    @classmethod
    def open(cls, folder: Path) -> "Ledger":
        """Read what is there; a note that cannot be read tells nothing."""
        ledger = cls(folder)
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads((folder / NAME).read_bytes())
            ledger.former = tuple(Left(**each) for each in found["interfaces"])
            ledger.former_pid, ledger.former_s = int(found["pid"]), float(found["at_s"])
            ledger.is_same_boot = found["boot"] == boot()
        return ledger

    def keep(self, report: Report, posts: Iterable[Post], now_s: float, log: Log) -> None:
        """Once the exporter is ready: what the run before left; then, now and then, what this one would."""
        if not report.is_ready:
            return
        if said := self.sentence(report.kept):
            log.warning(said)
        self.former_pid = 0
        if now_s >= self._due_s:
            self._due_s = now_s + EVERY_S
            self.note(posts)

    def sentence(self, kept: Mapping[int, int]) -> str:
        """What became of the run before; empty when it ended as it should."""
        if not self.former_pid:
            return ""
        each = [(left.name, *left.lost(kept)) for left in self.former]
        losses = [
            f"{name}: {counted(flows, 'flow')} and {counted(records, 'record')}"
            for name, flows, records in each
            if flows or records
        ]
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.former_s))
        how = "" if self.is_same_boot else ", and the host was started anew"
        lost = f"lost at most {', '.join(losses)}" if losses else "nothing was lost"
        return f"the run before (pid {self.former_pid}, last seen {when}) was ended without draining{how}: {lost}"

    def note(self, posts: Iterable[Post]) -> None:
        """How much would be lost. A full disk is no reason to stop: then the note is an older one."""
        left = [{"name": post.name, **_counted(post.counters())} for post in posts]
        note = {"pid": os.getpid(), "boot": boot(), "at_s": time.time(), "interfaces": left}
        draft = self.folder / f"{NAME}.tmp"
        with suppress(OSError):
            draft.write_text(json.dumps(note))
            draft.rename(self.folder / NAME)

    def close(self) -> None:
        """All was drained, or said to be lost."""
        for name in (NAME, f"{NAME}.tmp"):
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)


def _counted(page: Mapping[str, int]) -> dict[str, Any]:
    return {
        "epoch": page.get("epoch", 0),
        "flows": page.get("flows_active", 0),
        "records": page.get("head", 0),
    }


def boot() -> str:
    """This start of the host."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""
