"""Where people look: a live table on a terminal, else log lines only. The thin edge of supervisor/live.py."""

import os
import re
import sys
from contextlib import suppress
from typing import Any, Protocol

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


class LiveScreen:
    """The table; log lines, ours and the children's, scroll by above it."""

    def __init__(self, log: Log) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True)
        self._live: Any = Live(
            console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._reader, writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reader, False)
        self.stderr: int | None = writer
        self._rest, self._log, self._size = b"", log, self._console.size
        self._loop: Loop | None = None

    def attach(self, loop: Loop) -> None:
        """Take over the terminal."""
        self._log.redirect(self._print)
        self._loop = loop
        loop.watch(self._reader, self._read)
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
        if self._loop:
            self._read()
            self._loop.forget(self._reader)
        with suppress(OSError):
            self._live.stop()

    def _print(self, line: str) -> None:
        with suppress(OSError):
            self._console.print(shorter(line), markup=False, highlight=False, soft_wrap=True)

    def _read(self) -> None:
        try:
            data = os.read(self._reader, 1 << 16)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._print(line.decode(errors="replace"))


def shorter(line: str) -> str:
    """A log line without the date and our own name, which whoever looks on knows."""
    return re.sub(r"^[\d-]{10}T([\d:]{8})Z (\w+ +)supervisor: ", r"\1 \2", line)


def screen_for(log: Log, *, records_on_stdout: bool) -> Screen:
    """The table only where nothing else is written."""
    if sys.stdout.isatty() and sys.stderr.isatty() and not records_on_stdout:
        return LiveScreen(log)
    return NoScreen()
