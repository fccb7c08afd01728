"""`flowherd replay`: the same path from capture files, in turn, nothing kept but what the sinks take."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shared import logs
from shared.errors import Exit, FlowherdError
from shared.logs import Log
from shared.settings import Settings
from supervisor import account, descriptors, sinks, summary
from supervisor.lifecycle import State
from supervisor.links import Link
from supervisor.number import counted
from supervisor.nursery import NurseryOrders
from supervisor.outbound import ExporterOrders
from supervisor.post import Post
from supervisor.screen import screen_for
from supervisor.session import Phase, Session

FILES_AT_ONCE = 200
NAMES_BYTES = 48 << 10
QUIET_S = 86400.0


class Replay(Session):
    """One worker at a time; each takes as many files as fit into one message."""

    def __init__(
        self, captures: tuple[str, ...], log: Log, nursery: NurseryOrders, exporter: ExporterOrders
    ) -> None:
        self._screen = screen_for(log, is_live=False)
        drain_s, stderr = exporter.settings.drain_s, self._screen.stderr
        super().__init__(log, nursery, exporter, drain_s=drain_s, stderr=stderr)
        self._waiting = list(captures)
        self._settings, self._capture = exporter.settings, exporter.settings.defaults

    def run(self) -> Exit:
        """Replay everything."""
        self.begin()
        self._screen.attach(self.loop)
        self._next()
        while self.phase is not Phase.DONE:
            self.turn(1.0)
        self._screen.detach()
        self.finish()
        for sentence in self.exporter.report.undelivered("were not delivered"):
            self.verdict.fail(sentence)
        return Exit(self.verdict.code)

    def left(self, post: Post, why: str) -> None:
        """One worker's files are done; a worker that died takes the file in hand with it."""
        if why and post.life.state is not State.STOPPING:
            self._say(f"{post.files[min(post.files_done, len(post.files) - 1)]}: {why}")
            self._waiting[:0] = post.files[post.files_done + 1 :]
        if self.phase is Phase.WORKING:
            self._next()

    def _next(self) -> None:
        opened = list(self._open_files())
        if not opened:
            self.stop("done", QUIET_S)
            return
        names, opened_fds = zip(*opened, strict=True)
        post = Post(
            Link("replay", 0), self._capture, None, self.sample_key, self._settings.mode, self._settings.mirror,
            files=names, sources=opened_fds,
        )  # fmt: skip
        post.open()
        self.herd.staff(post)

    def _open_files(self) -> Iterator[tuple[str, int]]:
        count, most, room = 0, min(FILES_AT_ONCE, descriptors.for_files()), 0
        while self._waiting and count < most and room < NAMES_BYTES:
            name = self._waiting.pop(0)
            try:
                fd = open_capture(name)
            except FlowherdError as error:
                self._say(str(error))
                continue
            count, room = count + 1, room + len(os.fsencode(name)) + 5
            yield name, fd

    def signalled(self, number: int) -> None:
        """What was read is still delivered; the rest is named by its number."""
        in_hand = sum(max(len(post.files) - post.files_done - 1, 0) for post in self.herd.posts.values())
        left = counted(len(self._waiting) + in_hand, "file")
        self.verdict.fail(f"interrupted: {left} not begun")
        super().signalled(number)

    def damaged(self, name: str, why: str) -> None:
        """The worker's sentence about a file, at once."""
        self._say(f"{name}: {why}")

    def _say(self, sentence: str) -> None:
        self.verdict.code = self.verdict.code or Exit.FAILURE
        logs.say(sentence, "error")


def open_capture(name: str) -> int:
    """A descriptor of a capture file, or a sentence that names it."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise FlowherdError(f"{name}: {(error.strerror or str(error)).lower()}") from error
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    what = "is a folder; name the capture files in it" if stat.S_ISDIR(mode) else "is not a file"
    raise FlowherdError(f"{name}: {what}")


@contextmanager
def _cache_folder(wanted: str, who: account.Account, log: Log) -> Iterator[str]:
    """The one wanted, or a passing one: a replay needs no rights, it only starts slowly without a cache."""
    try:
        account.make_folder(Path(wanted), account.PUBLIC)
        usable, why = os.access(wanted, os.W_OK | os.X_OK), f"{wanted}: cannot be written"
    except FlowherdError as error:
        usable, why = False, str(error)
    if usable:
        yield wanted
        return
    log.warning("kernels are compiled for this run alone; --cache-dir DIR keeps them", why=why)
    with account.passing_folder(who) as folder:
        yield str(folder)


def replay(settings: Settings, captures: tuple[str, ...], log: Log) -> Exit:
    """The verb: a private spool, both processes, all files, one line of totals."""
    began_s = time.monotonic()
    who = account.service_account(settings.user)
    chosen = sinks.of(settings, str(Path.cwd()))
    with ExitStack() as stack:
        spool = stack.enter_context(account.passing_folder(who))
        account.prepare_sinks(chosen, who)
        cache_dir = stack.enter_context(_cache_folder(settings.cache_dir, who, log))
        jsonl = tuple(account.open_jsonl(chosen))
        stack.callback(account.close_all, jsonl)
        exporter = ExporterOrders(
            who, settings, tuple(chosen), str(spool), jsonl, durable=False, log_level=log.level
        )
        session = Replay(
            captures, log, NurseryOrders(who, cache_dir, files=True, sandbox=settings.sandbox), exporter
        )
        code = session.run()
    summary.say(session, f"; {time.monotonic() - began_s:.1f} s")
    return code
