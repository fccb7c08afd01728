"""Workers being born: ordered from the nursery with all that they hold, told of, or given up and ordered again."""

import signal
import time
from collections.abc import Mapping

from shared import channel
from shared.errors import Exit
from shared.logs import Log
from supervisor import descriptors, lifecycle, pipes, subreaper
from supervisor.child import Child, Listener
from supervisor.lifecycle import State
from supervisor.loop import Loop
from supervisor.nursery import Nursery
from supervisor.outbound import Exporter
from supervisor.post import Post
from supervisor.standing import POLICY


class Forks:
    """`posts` are those of the herd, which hears the workers."""

    def __init__(self, loop: Loop, log: Log, posts: Mapping[str, Post], listener: Listener) -> None:
        self._loop, self._log, self._posts, self._listener = loop, log, posts, listener
        self.nursery: Nursery
        self.exporter: Exporter

    def all(self) -> None:
        """The nursery is ready: fork whoever waits for it."""
        for post in list(self._posts.values()):
            if post.life.state in {State.STARTING, State.STOPPING} and post.worker is None:
                self._forget_wait(post)
                self.one(post)

    def one(self, post: Post) -> None:
        """A worker for this post, as soon as there is a nursery."""
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

    def attach_all(self) -> None:
        """There is a new exporter: every worker gets fresh pipes and sends the unacknowledged again."""
        for name in list(self._posts):
            self.attach_again(name)

    def attach_again(self, name: str) -> None:
        """Fresh pipes for one worker: the former ones were out of step or led to a dead exporter."""
        post = self._posts.get(name)
        if post and post.worker:
            try:
                with pipes.fresh() as both:
                    self.exporter.attach(post.name, post.link.ifindex, both.to_exporter)
                    post.worker.send({"do": "pipes"}, both.to_worker)
            except OSError as error:
                why = f"no pipes could be made for it: {descriptors.reason(error)}"
                post.worker.kill(signal.SIGKILL, why)  # its successor gets some

    def forked(self, name: str, pid: int) -> None:
        """The nursery forked a worker; it is our own child."""
        post = self._posts.get(name)
        if post and post.worker and not post.worker.pid:
            post.worker.adopt(pid)
            self._log.debug("worker started", interface=name, pid=pid)

    def failed(self, name: str, why: str) -> None:
        """The nursery could not fork a worker."""
        post = self._posts.get(name)
        if post and post.worker:
            post.fault = (why, Exit.FAILURE)
            post.worker.abandon()

    def orphaned(self) -> None:
        """The nursery died: a fork it never answered is over once the worker's channel closes."""
        for post in list(self._posts.values()):  # one that was to drain leaves them
            if post.worker and not post.worker.pid:
                self._give_up(post.worker, post, "the nursery ended while it was to fork it")

    def bury_strangers(self) -> None:
        """Only while no fork is under way: its worker is no stranger, we just do not know its pid yet."""
        workers = [post.worker for post in self._posts.values() if post.worker]
        if all(worker.pid for worker in workers):
            standing = (self.nursery.child, self.exporter.child)
            subreaper.bury_strangers({child.pid for child in (*workers, *standing) if child})

    def _forget_wait(self, post: Post) -> None:
        """What a ring could not hold before its first worker came was never ours to capture."""
        missed = post.rings.forget_drops() if post.rings and post.is_fresh() else 0
        if missed:
            self._log.warning("packets passed before kernels were ready", interface=post.name, packets=missed)

    def _order(self, post: Post, table: int, both: pipes.Pipes) -> None:
        ours, theirs = channel.pair()
        post.settle()
        post.worker, post.fault = Child(post.name, ours, self._loop, self._listener), None
        post.is_unborn = False
        post.guard.begin(time.monotonic())
        with theirs:
            self.exporter.attach(post.name, post.link.ifindex, both.to_exporter)
            hands = (table, *both.to_worker, theirs.fileno(), *post.descriptors())
            if not self.nursery.fork(post.spec(), hands):
                self._give_up(post.worker, post, "the nursery ended before it was to fork it")
        post.tell_ring()
        if post.life.state is State.STOPPING:
            post.worker.send({"do": "drain"})

    def _give_up(self, unborn: Child, post: Post, why: str) -> None:
        """Nobody will answer: the next nursery forks it, and its end is none of the post's."""
        post.fault, post.is_unborn = (why, Exit.FAILURE), True
        unborn.abandon()
