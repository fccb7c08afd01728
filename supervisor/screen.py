"""Where people look: a live table on a terminal, else log lines only. The thin edge of supervisor/live.py."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from shared import log_forms, logs
from shared.logs import Log
from supervisor.loop import Loop
from supervisor.snapshot import Snapshot


class Screen(Protocol):
    """What the service shows itself on; `stderr` is where children write, None: where we do."""

    stderr: int | None

    def attach(self, loop: Loop) -> None:
        """Begin."""

    def show(self, shown: Snapshot) -> None:
        """A newer snapshot."""

    def detach(self) -> None:
        """The last one stays on the screen."""


class NoScreen:
    """Log lines tell everything."""

    stderr: int | None = None

    def attach(self, loop: Loop) -> None:
        """Nothing to begin."""

    def show(self, shown: Snapshot) -> None:
        """Nothing to draw on."""

    def detach(self) -> None:
        """Nothing to end."""


class ChildrensLines:
    """What children write to their stderr, a line at a time: a crash may have many, none of them a log line."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reader, False)
        self._rest, self._heard = b"", heard
        self._loop: Loop | None = None

    def attach(self, loop: Loop) -> None:
        """Hear them from now on."""
        self._loop = loop
        loop.watch(self._reader, self.read)

    def read(self) -> None:
        """All that is there."""
        try:
            data = os.read(self._reader, 1 << 16)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._heard(line.decode(errors="replace"))

    def detach(self) -> None:
        """The last of them."""
        self.read()
        if self._loop:
            self._loop.forget(self._reader)


class JsonLines:
    """Log lines that are JSON, all of them: what children write otherwise is wrapped, a line an event."""

    def __init__(self) -> None:
        self._children = ChildrensLines(_as_json)
        self.stderr: int | None = self._children.writer

    def attach(self, loop: Loop) -> None:
        """Hear the children."""
        self._children.attach(loop)

    def show(self, shown: Snapshot) -> None:
        """Nothing to draw on."""

    def detach(self) -> None:
        """Their last words."""
        self._children.detach()


def _as_json(line: str) -> None:
    is_ours = line.startswith('{"time": ')
    logs.to_stderr(line if is_ours else log_forms.as_json("child", "error", line, {}))


class LiveScreen:
    """The table; log lines, ours and the children's, scroll by above it."""

    def __init__(self, log: Log) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True)
        self._live: Any = Live(
            console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._children = ChildrensLines(self._print)
        self.stderr: int | None = self._children.writer
        self._log, self._size, self._is_attached = log, self._console.size, False

    def attach(self, loop: Loop) -> None:
        """Take over the terminal."""
        self._log.redirect(self._print)
        self._children.attach(loop)
        self._is_attached = True
        self._live.start()

    def show(self, shown: Snapshot) -> None:
        """Draw."""
        from supervisor.live import render

        with suppress(OSError):  # a terminal that was closed is no reason to stop before all is drained
            if self._console.size != self._size:  # lines that wrapped anew would be left behind
                self._size = self._console.size
                self._console.clear()
            self._live.update(render(shown, self._console.width, self._console.height), refresh=True)

    def detach(self) -> None:
        """Give the terminal back."""
        if self._is_attached:
            self._children.detach()
        with suppress(OSError):
            self._live.stop()

    def _print(self, line: str) -> None:
        with suppress(OSError):
            self._console.print(shorter(line), markup=False, highlight=False, soft_wrap=True)


def shorter(line: str) -> str:
    """A log line without the date and our own name, which whoever looks on knows."""
    return re.sub(r"^[\d-]{10}T([\d:]{8})Z (\w+ +)supervisor: ", r"\1 \2", line)


def screen_for(log: Log, *, is_live: bool) -> Screen:
    """The table only for a live run, and where nothing else is written."""
    if logs.form() == "json":
        return JsonLines()
    if is_live and os.isatty(1) and os.isatty(2):
        return LiveScreen(log)
    return NoScreen()
