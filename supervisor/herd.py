"""All posts and their workers: forked, heard, explained, forked again, drained."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from shared import channel
from shared.counters import WORKER
from shared.errors import Exit
from shared.logs import Log
from supervisor import descriptors, lifecycle, pipes, subreaper
from supervisor.child import Child, End, Message
from supervisor.guard import Limits
from supervisor.lifecycle import Life, State
from supervisor.loop import Loop
from supervisor.nursery import Nursery
from supervisor.outbound import Exporter
from supervisor.post import Post
from supervisor.standing import FILE_POLICY, POLICY

# A worker shows itself four times a second. Opening a large table or a libpcap handle takes longer, and so does the
# report of all flows at the end.
SILENT_S = {State.STARTING: 30.0, State.RUNNING: 5.0, State.STOPPING: 10.0}  # no other has one
LAST_TRIES = 3
COUNTERS = tuple(counter.name for counter in WORKER if counter.kind == "counter")


@dataclass(frozen=True, slots=True)
class HerdNews:
    """Whom to tell of a post whose worker is gone for good, and of a damaged capture file."""

    left: Callable[[Post, str], None]
    damaged: Callable[[str, str], None]


class Herd:
    """Makes workers match posts."""

    def __init__(self, loop: Loop, log: Log, news: HerdNews) -> None:
        self._loop, self._log, self._news = loop, log, news
        self.limits = Limits()
        self.posts: dict[str, Post] = {}
        self.past: Counter[str] = Counter()
        self._is_late = False
        self.nursery: Nursery
        self.exporter: Exporter

    def staff(self, post: Post) -> None:
        """Add a post that is open; its worker is forked as soon as the nursery is ready."""
        self.posts[post.name], post.guard.limits = post, self.limits
        self._fork(post)

    def fork_all(self) -> None:
        """The nursery is ready: fork whoever waits for it."""
        for post in list(self.posts.values()):
            if post.life.state in {State.STARTING, State.STOPPING} and post.worker is None:
                self._forget_wait(post)
                self._fork(post)

    def _forget_wait(self, post: Post) -> None:
        """What a ring could not hold before its first worker came was never ours to capture."""
        missed = post.ring.forget_drops() if post.ring and post.is_fresh() else 0
        if missed:
            self._log.warning("packets passed before kernels were ready", interface=post.name, packets=missed)

    def attach_all(self) -> None:
        """There is a new exporter: every worker gets fresh pipes and sends the unacknowledged again."""
        for name in list(self.posts):
            self.attach_again(name)

    def attach_again(self, name: str) -> None:
        """Fresh pipes for one worker: the former ones were out of step or led to a dead exporter."""
        post = self.posts.get(name)
        if post and post.worker:
            try:
                with pipes.fresh() as both:
                    self.exporter.attach(post.name, post.link.ifindex, both.to_exporter)
                    post.worker.send({"do": "pipes"}, both.to_worker)
            except OSError as error:
                why = f"no pipes could be made for it: {descriptors.reason(error)}"
                post.worker.kill(signal.SIGKILL, why)  # its successor gets some

    def _fork(self, post: Post) -> None:
        if not self.nursery.is_ready or post.table is None:
            return
        try:
            with pipes.fresh() as both:
                self._order(post, post.table.fd, both)
        except OSError as error:
            why = f"no worker could be started: {descriptors.reason(error)}"
            self._log.error(why, interface=post.name)
            if post.life.state is not State.STOPPING:
                post.life = lifecycle.died(post.life, time.monotonic(), why, POLICY)

    def _order(self, post: Post, table: int, both: pipes.Pipes) -> None:
        ours, theirs = channel.pair()
        post.worker, post.fault = Child(post.name, ours, self._loop, self), None
        post.is_unborn = False
        post.guard.begin(time.monotonic())
        with theirs:
            self.exporter.attach(post.name, post.link.ifindex, both.to_exporter)
            hands = (table, *both.to_worker, theirs.fileno(), *post.descriptors())
            if not self.nursery.fork(post.spec(), hands):
                self._give_up_fork(post.worker, post, "the nursery ended before it was to fork it")
        if post.life.state is State.STOPPING:
            post.worker.send({"do": "drain"})

    def forked(self, name: str, pid: int) -> None:
        """The nursery forked a worker; it is our own child."""
        post = self.posts.get(name)
        if post and post.worker and not post.worker.pid:
            post.worker.adopt(pid)
            self._log.debug("worker started", interface=name, pid=pid)

    def failed(self, name: str, why: str) -> None:
        """The nursery could not fork a worker."""
        post = self.posts.get(name)
        if post and post.worker:
            post.fault = (why, Exit.FAILURE)
            post.worker.abandon()

    def orphaned(self) -> None:
        """The nursery died: a fork it never answered is over once the worker's channel closes."""
        for post in list(self.posts.values()):  # one that was to drain leaves them
            if post.worker and not post.worker.pid:
                self._give_up_fork(post.worker, post, "the nursery ended while it was to fork it")

    def _give_up_fork(self, unborn: Child, post: Post, why: str) -> None:
        """Nobody will answer: the next nursery forks it, and its end is none of the post's."""
        post.fault, post.is_unborn = (why, Exit.FAILURE), True
        unborn.abandon()

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
            case {"did": "emptied"} if post.heir_program is not None and post.ring:
                post.ring.refilter(post.heir_program)
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
        self._fork(post)

    def _tries_again(self, post: Post, end: End, why: str) -> bool:
        """Another worker drains what one left that was killed while it drained."""
        is_hopeless = post.kind == "files" or (post.fault and post.fault[1] == Exit.CONFIGURATION)
        if end.is_clean or is_hopeless or self._is_late or post.last_tries >= LAST_TRIES:
            return False
        post.last_tries += 1
        self._log.error("worker ended while draining, another goes on", interface=post.name, why=why)
        self._fork(post)
        return True

    def _dismiss(self, post: Post, why: str) -> None:
        """The post is empty for good: its counters become history."""
        counters = post.counters()
        self.past.update({name: counters.get(name, 0) for name in COUNTERS})
        self.past["records_dropped"] += post.unreported()
        del self.posts[post.name]
        self._news.left(post, why)
        self.lose(post.name, post.unread())
        post.close()

    def lose(self, name: str, packets: int) -> None:
        """Packets that a closed ring takes with it are the kernel's drops in effect, and counted as such."""
        if packets:
            self.past["kernel_dropped"] += packets
            self._log.error(
                "packets left in the ring: nobody could read them", interface=name, packets=packets
            )

    def tick(self, now_s: float) -> None:
        """Restart whoever is due and wake or end whoever is silent."""
        self.bury_strangers()
        for post in list(self.posts.values()):
            self._restart_due(post, now_s)
            if post.worker is None and post.life.state is State.STARTING:
                self._fork(post)  # the nursery was ready before the end of an unborn worker was heard
            if post.worker and post.kind != "files":
                self._watch(post, post.worker, now_s)

    def bury_strangers(self) -> None:
        """Only while no fork is under way: its worker is no stranger, we just do not know its pid yet."""
        workers = [post.worker for post in self.posts.values() if post.worker]
        if all(worker.pid for worker in workers):
            standing = (self.nursery.child, self.exporter.child)
            subreaper.bury_strangers({child.pid for child in (*workers, *standing) if child})

    def _restart_due(self, post: Post, now_s: float) -> None:
        if lifecycle.is_due(post.life, now_s):
            post.life = lifecycle.restarting(post.life, now_s)
            self._fork(post)

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
                self._fork(post)
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
        sums = Counter(self.past)
        for post in self.posts.values():
            counters = post.counters()
            sums.update({name: counters.get(name, 0) for name in COUNTERS})
        return sums

    def _post_of(self, child: Child) -> Post | None:
        return next((post for post in self.posts.values() if post.worker is child), None)
