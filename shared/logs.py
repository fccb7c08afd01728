"""Lines of log to stderr, in one form for the whole process; the first line imports structlog."""

import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any

from shared import log_forms
from shared.log_forms import LEVELS, Form, visible


class _Chosen:
    """The form of this process's lines: it has one stderr."""

    form: Form = "text"


def use(form: Form) -> None:
    """Write lines in this form from now on."""
    _Chosen.form = form


def form() -> Form:
    """The form in use."""
    return _Chosen.form


def to_stderr(line: str) -> None:
    """Where lines go unless `Log.redirect` says otherwise."""
    with suppress(OSError):  # nobody reads it, or its disk is full: no reason to stop
        print(visible(line), file=sys.stderr, flush=True)  # noqa: T201 a log line's way out


def say(sentence: str, level: str = "info") -> None:
    """Tell the user one sentence; in no log form has it a level that hides it."""
    to_stderr(log_forms.sentence(_Chosen.form, level, sentence))


def _line(_logger: object, level: str, fields: MutableMapping[str, Any]) -> str:
    process, event = fields.pop("process"), fields.pop("event")
    return log_forms.line(_Chosen.form, process, level, event, fields)


class _Outlet:
    """structlog's way out: one method for each level, all the same."""

    def __init__(self) -> None:
        self.write: Callable[[str], None] = to_stderr

    def debug(self, line: str) -> None:
        self.write(line)

    trace = info = warning = error = debug


class Log:
    """The log of one process; `level` is the least that is written."""

    def __init__(self, process: str, level: str = "info") -> None:
        self._process, self.level = process, level
        self._outlet, self._logger = _Outlet(), None

    def redirect(self, write: Callable[[str], None]) -> None:
        """Give each line to `write` from now on: a live table scrolls it in above itself."""
        self._outlet.write = write

    def trace(self, event: str, **fields: object) -> None:
        """Each step."""
        self._say("trace", event, fields)

    def debug(self, event: str, **fields: object) -> None:
        """For whoever looks for a fault."""
        self._say("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Something an operator wants to know happened."""
        self._say("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something is not as it should be; work goes on."""
        self._say("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something was given up."""
        self._say("error", event, fields)

    def warm(self) -> Any:  # noqa: ANN401 structlog's loggers are made at run time
        """Import structlog now, while nobody waits for it."""
        import structlog

        if self._logger is None:
            plain = structlog.wrap_logger(
                self._outlet, processors=[_line], wrapper_class=structlog.BoundLogger
            )
            self._logger = plain.bind(process=self._process)
        return self._logger

    def _say(self, level: str, event: str, fields: dict[str, object]) -> None:
        if LEVELS[level] >= LEVELS[self.level]:
            getattr(self.warm(), level)(event, **fields)
