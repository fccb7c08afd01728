"""All posts and their workers: forked, heard, explained, forked again, drained."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from shared.errors import Exit
from shared.logs import Log
from supervisor import lifecycle
from supervisor.child import Child, End, Message
from supervisor.forks import Forks
from supervisor.guard import Limits
from supervisor.lifecycle import Life, State
from supervisor.loop import Loop
from supervisor.post import Post
from supervisor.standing import FILE_POLICY, POLICY
from supervisor.tally import Tally

# A worker shows itself four times a second. Opening a large table or a libpcap handle takes longer, and so does the
# report of all flows at the end.
SILENT_S = {State.STARTING: 30.0, State.RUNNING: 5.0, State.STOPPING: 10.0}  # no other has one
LAST_TRIES = 3


@dataclass(frozen=True, slots=True)
class HerdNews:
    """Whom to tell of a post whose worker is gone for good, of a damaged capture file, of a ring that fills."""

    left: Callable[[Post, str], None]
    damaged: Callable[[str, str], None]
    pressed: Callable[[Post], None]


class Herd:
    """Makes workers match posts."""

    def __init__(self, loop: Loop, log: Log, news: HerdNews) -> None:
        self._log, self._news = log, news
        self.limits, self.tally = Limits(), Tally(log)
        self.posts: dict[str, Post] = {}
        self.forks = Forks(loop, log, self.posts, self)
        self._is_late = False

    def staff(self, post: Post) -> None:
        """Add a post that is open; its worker is forked as soon as the nursery is ready."""
        self.posts[post.name], post.guard.limits = post, self.limits
        self.forks.one(post)

    def heard(self, child: Child, message: Message, /) -> None:
        """A worker's life channel."""
        post = self._post_of(child)
        if post is None:
            return
        match message:
            case {"did": "capturing", "core": core}:
                post.sandbox = message.get("sandbox", "")
                post.life = lifecycle.capturing(post.life, time.monotonic())
                self._say_missed(post)
                if post.kind != "files":
                    self._pinned(post, core)
                    self._log.info("capturing", interface=post.name, core=post.core, pid=child.pid or None)
            case {"did": "emptied"} if post.heir_program is not None and post.rings:
                post.rings.refilter(post.heir_program)
            case {"did": "pressed"}:
                self._news.pressed(post)
            case {"did": "moved"}:
                post.settle()
            case {"did": "file", "index": index, "name": name, "why": why}:
                post.files_done = index + 1
                if why:
                    self._news.damaged(name, why)
            case {"did": "fault", "why": why, "code": code}:
                post.fault = (why, code)

    def _say_missed(self, post: Post) -> None:
        """A worker counts what its predecessor's libpcap handle took with it."""
        before, post.missed = post.missed, post.counters().get("packets_missed", 0)
        if post.missed > before:
            what = "packets went with the worker's libpcap handle"
            self._log.error(what, interface=post.name, at_most=post.missed - before)

    def _pinned(self, post: Post, granted: int | None) -> None:
        """Asked for, read back, both said: the row shows what the kernel granted."""
        if granted != post.core:
            self._log.warning("pinned to another core", interface=post.name, asked=post.core, granted=granted)
            post.core = granted

    def move(self, cores: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """Have workers run on these cores; whoever is there already or pinned by the user stays.

        Whom it moved, from where to where.
        """
        moves = {}
        for name, core in cores.items():
            post = self.posts.get(name)
            if post is None or post.capture.core >= 0 or post.core in {None, core} or post.leaving:
                continue
            moves[name], post.core = (post.core, core), core
            if post.worker and not post.worker.stand_on(core):  # without CAP_SYS_NICE
                self.replace(post, "another core")
        return moves

    def ended(self, child: Child, end: End, /) -> None:
        """A worker is gone: close its post, give it up, or have a successor take over at once."""
        post = self._post_of(child)
        if post is None:
            return
        post.worker = None
        why = post.guard.why or (post.fault[0] if post.fault else end.explain(child.killed_by_us))
        if post.life.state is State.STOPPING and self._tries_again(post, end, why):
            return
        if post.life.state is State.STOPPING or (post.kind == "files" and end.is_clean):
            self._dismiss(post, "" if end.is_clean else why)
        elif post.guard.is_wanted:
            self._succeed(post)
        elif post.is_unborn:  # no end of its own, and none of its faults: the next nursery forks it
            post.life = lifecycle.restarting(post.life, time.monotonic())
        elif post.fault and post.fault[1] == Exit.CONFIGURATION:
            post.life = lifecycle.gave_up(post.life, time.monotonic(), why)
            self._log.error("worker gave up", interface=post.name, why=why)
        else:
            policy = FILE_POLICY if post.kind == "files" else POLICY
            progressed = post.has_progressed() and not post.guard.why  # packets make nobody large
            post.life = lifecycle.died(post.life, time.monotonic(), why, policy, progressed=progressed)
            what = "starting again" if post.life.state is State.BACKOFF else "given up"
            self._log.error(
                f"worker ended, {what}",
                interface=post.name,
                pid=child.pid or None,
                why=post.life.why,
            )
            if post.kind == "files" and post.life.state is State.FATAL:
                self._dismiss(post, why)
            self._restart_due(post, time.monotonic())

    def replace(self, post: Post, why: str) -> None:
        """By an order: a successor takes over table and ring, whatever became of the workers before it."""
        if post.worker:
            post.guard.ask_to_leave(why, time.monotonic(), wanted=True)
            post.worker.send({"do": "retire"})
        else:
            self._succeed(post)

    def _succeed(self, post: Post) -> None:
        """With a clean record."""
        post.life = lifecycle.restarting(Life(restarts=post.life.restarts), time.monotonic())
        self.forks.one(post)

    def _tries_again(self, post: Post, end: End, why: str) -> bool:
        """Another worker drains what one left that was killed while it drained."""
        is_hopeless = post.kind == "files" or (post.fault and post.fault[1] == Exit.CONFIGURATION)
        if end.is_clean or is_hopeless or self._is_late or post.last_tries >= LAST_TRIES:
            return False
        post.last_tries += 1
        self._log.error("worker ended while draining, another goes on", interface=post.name, why=why)
        self.forks.one(post)
        return True

    def _dismiss(self, post: Post, why: str) -> None:
        """The post is empty for good: its counters become history."""
        self.tally.bury(post)
        del self.posts[post.name]
        self._news.left(post, why)
        self.tally.lose(post.name, post.unread())
        post.close()

    def tick(self, now_s: float) -> None:
        """Restart whoever is due and wake or end whoever is silent."""
        self.forks.bury_strangers()
        for post in list(self.posts.values()):
            self._restart_due(post, now_s)
            if post.worker is None and post.life.state is State.STARTING:
                self.forks.one(post)  # the nursery was ready before the end of an unborn worker was heard
            if post.worker and post.kind != "files":
                self._watch(post, post.worker, now_s)

    def _restart_due(self, post: Post, now_s: float) -> None:
        if lifecycle.is_due(post.life, now_s):
            post.life = lifecycle.restarting(post.life, now_s)
            self.forks.one(post)

    def _watch(self, post: Post, worker: Child, now_s: float) -> None:
        """End it when it is silent, once there is one; have it leave when it is too large."""
        if not worker.pid:
            return
        beat = post.counters().get("heartbeat_ns", 0)
        post.guard.listen(worker, beat, SILENT_S[post.life.state], now_s)
        post.guard.hurry(worker, now_s)
        if post.life.state is State.RUNNING and (why := post.guard.weigh(worker, now_s)):
            post.guard.ask_to_leave(why, now_s, wanted=False)
            worker.send({"do": "retire"})

    def drain(self, posts: Iterable[Post], why: str) -> None:
        """Have workers report all flows and end; what a dead worker left, a last one reports."""
        for post in list(posts):
            post.leaving = post.leaving or why
            post.life = lifecycle.stopping(post.life, time.monotonic())
            post.ordered_ns = time.time_ns()
            if post.worker:
                post.worker.send({"do": "drain"})
            elif post.unreported() or (post.ring and not post.is_fresh()):
                self.forks.one(post)
            else:
                self._dismiss(post, "")

    def kill(self) -> None:
        """The deadline has passed."""
        self._is_late = True
        for post in list(self.posts.values()):
            post.life = lifecycle.stopping(post.life, time.monotonic())
            if post.worker and post.worker.pid:
                post.worker.kill(signal.SIGKILL, "it did not drain in time and was killed")
            elif post.worker:
                post.worker.abandon()
            else:
                self._dismiss(post, "no worker could be started in time to report its flows")

    def totals(self) -> Counter[str]:
        """Every worker's counters, those of closed posts included."""
        return self.tally.totals(self.posts.values())

    def _post_of(self, child: Child) -> Post | None:
        return next((post for post in self.posts.values() if post.worker is child), None)
