"""What run and replay share: loop, nursery, exporter and herd, begun together and ended in reverse."""

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from setproctitle import setproctitle

from shared import logs
from shared.errors import Exit
from shared.logs import Log
from shared.sampling import KEY_BYTES
from supervisor.herd import Herd, HerdNews
from supervisor.loop import Loop, catch_signals
from supervisor.nursery import Nursery, NurseryNews, NurseryOrders
from supervisor.outbound import Exporter, ExporterNews, ExporterOrders
from supervisor.post import Post
from supervisor.subreaper import become_subreaper

TOGETHER_S = 0.3
REFUSED_S = 0.5  # nobody takes records any more: no worker can drain


class Phase(Enum):
    """How far a session has come; each phase ends when its processes are gone or its deadline has passed."""

    WORKING = "working"
    DRAINING_WORKERS = "draining workers"
    DRAINING_EXPORTER = "draining exporter"
    DONE = "done"


@dataclass(slots=True)
class Verdict:
    """What the process will exit with, and the sentences that say why."""

    code: int = Exit.DONE
    sentences: list[str] = field(default_factory=list)

    def fail(self, why: str, code: int = Exit.FAILURE) -> None:
        """Something the user should know went wrong; the first code stands."""
        self.code = self.code or code
        if why and why not in self.sentences:
            self.sentences.append(why)


class Session:
    """Begin, turn until done, finish."""

    def __init__(
        self,
        log: Log,
        nursery: NurseryOrders,
        exporter: ExporterOrders,
        *,
        drain_s: float,
        stderr: int | None = None,
    ) -> None:
        become_subreaper()
        self.loop, self.log, self.verdict = Loop(), log, Verdict()
        self.phase, self._deadline_s, self._stopped_s = Phase.WORKING, 0.0, 0.0
        self._drain_s = self._patience_s = drain_s
        self.sample_key = int.from_bytes(os.urandom(KEY_BYTES))
        self.herd = Herd(self.loop, log, HerdNews(self.left, self.damaged, self.pressed))
        forks = self.herd.forks
        news = NurseryNews(self.progress, self._ready, forks.forked, forks.failed, self._nursery_lost)
        self.nursery = forks.nursery = Nursery(self.loop, log, nursery, news, stderr)
        heard = ExporterNews(self._refused, forks.attach_all, forks.attach_again, self._lost)
        self.exporter = forks.exporter = Exporter(self.loop, log, exporter, heard, stderr)
        self.limits = self.herd.limits
        self.limits.memory_mib = exporter.settings.memory_mib
        self.nursery.guard.limits = self.exporter.guard.limits = self.limits

    def begin(self) -> None:
        """Start both standing processes at once; they import while we look around."""
        setproctitle("flowherd supervisor")
        catch_signals(self.loop, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP), self.signalled)
        self.nursery.start()
        self.exporter.start()

    def turn(self, timeout_s: float) -> None:
        """One wait, then whatever is due."""
        self.loop.turn(timeout_s)
        now_s = time.monotonic()
        if self.phase is Phase.WORKING:
            self.herd.tick(now_s)
        self.nursery.tick(now_s)
        self.exporter.tick(now_s)
        self._advance(now_s)

    def progress(self, done: int, of: int) -> None:
        """The nursery compiles: say so, kernel by kernel."""
        if logs.form() != "text":
            self.log.info("compiling kernels", into=self.nursery.cache_dir, done=done, of=of)
            return
        end = "\r" if sys.stderr.isatty() and done < of else "\n"
        with suppress(OSError):
            sys.stderr.write(self.compiling(done, of) + end)
            sys.stderr.flush()

    def compiling(self, done: int, of: int) -> str:
        """How far, and where the kernels will be found the next time."""
        return f"compiling kernels into {self.nursery.cache_dir}: {done} of {of}"

    def warmed(self) -> None:
        """The nursery is ready; nothing to take back from a line that was printed."""

    def pressed(self, post: Post) -> None:
        """Half of a ring is full; capture files have none."""

    def left(self, post: Post, why: str) -> None:
        """A worker is gone for good."""
        if why:
            self.verdict.fail(f"{post.name}: {why}")

    def damaged(self, name: str, why: str) -> None:
        """A capture file could not be read to its end."""
        self.verdict.fail(f"{name}: {why}")

    def stop(self, why: str, patience_s: float | None = None) -> None:
        """Drain everything and end, within `patience_s` for workers and as much for the exporter."""
        self._patience_s = self._drain_s if patience_s is None else patience_s
        self._deadline_s = time.monotonic() + self._patience_s
        if self.phase is Phase.WORKING:
            self.phase = Phase.DRAINING_WORKERS
            self.herd.drain(self.herd.posts.values(), why)

    def signalled(self, number: int) -> None:
        """Once: drain. Twice: end at once. What arrives together, as from timeout(1), is one."""
        now_s = time.monotonic()
        if self._stopped_s == 0.0:
            self._stopped_s = now_s
            self.log.debug("draining", signal=signal.Signals(number).name)
            self.stop(signal.Signals(number).name)
        elif now_s - self._stopped_s > TOGETHER_S:
            self.verdict.fail("stopped at once: flows that were not yet reported are lost")
            self._deadline_s = self._patience_s = 0.0

    def drain_within(self, seconds: float) -> None:
        """From now on draining may take so long."""
        self._drain_s = seconds

    @property
    def has_watched(self) -> bool:
        """Some worker had a table."""
        return bool(self.herd.tally.past)

    @property
    def has_counted(self) -> bool:
        """There is something to tell in totals: a start that failed took nothing."""
        return not self.verdict.code or bool(self.herd.totals().total())

    def finish(self) -> None:
        """Everything is down: let go of what is left."""
        self.loop.close()

    def _advance(self, now_s: float) -> None:
        late = now_s >= self._deadline_s
        if self.phase is Phase.DRAINING_WORKERS and (late or not self.herd.posts):
            if self.herd.posts:
                self.herd.kill()
            self.nursery.dismiss()
            self.exporter.drain()
            self.phase, self._deadline_s = Phase.DRAINING_EXPORTER, now_s + self._patience_s
        elif self.phase is Phase.DRAINING_EXPORTER and (late or self._are_gone()):
            self._end_rest()
            if self._are_gone():
                self.phase = Phase.DONE

    def _are_gone(self) -> bool:
        return self.nursery.is_gone and self.exporter.is_gone and not self.herd.posts

    def _end_rest(self) -> None:
        if not self.exporter.is_drained and not self.verdict.code:
            self.verdict.fail("the exporter did not finish in time; what it had is in the spool")
        self.herd.kill()
        self.nursery.kill()
        self.exporter.kill()

    def _refused(self, why: str, code: int) -> None:
        self.verdict.fail(why, code)
        self.stop("exporter refused", REFUSED_S)

    def _ready(self) -> None:
        self.warmed()
        self.herd.forks.all()

    def _lost(self, fatal: str) -> None:
        if fatal:
            self.verdict.fail(f"the exporter cannot be kept running: {fatal}")
            self.stop("exporter lost")

    def _nursery_lost(self, fatal: str) -> None:
        self.herd.forks.orphaned()
        if fatal:
            self.verdict.fail(f"the nursery cannot be kept running: {fatal}")
            self.stop("nursery lost")
