"""What people are shown of a live run: the table on the screen, the answer to `flowherd status`, systemd's line."""

import time
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from shared.logs import Log
from supervisor.confinement import Confinement
from supervisor.herd import Herd
from supervisor.loop import Loop
from supervisor.notify import Notifier
from supervisor.nursery import Nursery
from supervisor.outbound import Exporter
from supervisor.outboxes import Outboxes
from supervisor.post import Post
from supervisor.roster import Choice
from supervisor.screen import Screen
from supervisor.session import Phase
from supervisor.snapshot import Rates, Row, Snapshot, row_of, rows_waiting


class Display:
    """One snapshot for all; `note` stands in place of the phase while we work: kernels are being compiled, say."""

    def __init__(self, log: Log, screen: Screen, herd: Herd, nursery: Nursery, exporter: Exporter) -> None:
        self._screen, self._herd, self._nursery, self._exporter = screen, herd, nursery, exporter
        self._rates, self._began_s, self._version = Rates(), time.monotonic(), version("flowherd")
        self._confinement, self._outboxes, self._notifier = Confinement(log), Outboxes(log), Notifier()
        self._done: list[Row] = []
        self._shown = Snapshot(())
        self.note = ""

    @property
    def is_live(self) -> bool:
        """There is a table, and it has the terminal."""
        return self._screen.stderr is not None

    def attach(self, loop: Loop) -> None:
        """Draw from now on."""
        self._screen.attach(loop)

    def detach(self) -> None:
        """What was drawn last stays."""
        self._screen.detach()

    def show(self, phase: str, choices: Iterable[Choice], now_s: float) -> None:
        """Look at everybody and tell everyone."""
        self._outboxes.note(self._herd.posts.values(), now_s)
        self._shown = self._snapshot(phase, choices, now_s)
        self._screen.show(self._shown)
        self._notifier.show(self._shown, now_s)

    def messages(self) -> list[dict[str, Any]]:
        """The workers, for the exporter's status page."""
        return [row.as_message() for row in self._shown.rows]

    def as_map(self) -> dict[str, Any]:
        """For whoever asks."""
        return self._shown.as_map()

    def bid_farewell(self, post: Post) -> None:
        """Its row stays as it was at the end."""
        last = row_of(post, self._rates, time.monotonic())
        self._done.append(replace(last, state="done", pid=0, packets_s=None, bits_s=None))

    def _snapshot(self, phase: str, choices: Iterable[Choice], now_s: float) -> Snapshot:
        report = self._exporter.report
        self._rates.keep(self._herd.posts)
        posts = [row_of(post, self._rates, now_s) for post in self._herd.posts.values()]
        return Snapshot(
            rows=tuple(self._done + posts + rows_waiting(choices, self._herd.posts)),
            up_s=now_s - self._began_s,
            phase=self.note if self.note and phase == Phase.WORKING.value else phase,
            delivered=report.delivered(),
            spool_bytes=report.spool_bytes,
            spool_error=report.spool_error,
            sinks=tuple(report.sinks),
            top=tuple(report.top),
            status_port=report.status_port,
            version=self._version,
            sandbox=self._confinement.note(self._sandboxes()),
        )

    def _sandboxes(self) -> dict[str, str]:
        standing = {"nursery": self._nursery.sandbox, "exporter": self._exporter.report.sandbox}
        return standing | {f"worker {post.name}": post.sandbox for post in self._herd.posts.values()}
