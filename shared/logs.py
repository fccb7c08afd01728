"""Lines of log for people: lower case, key=value, to stderr; the first line imports structlog."""

import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

LEVELS = {"trace": 5, "debug": 10, "info": 20, "warning": 30, "error": 40}


def to_stderr(line: str) -> None:
    """Where lines go unless `Log.redirect` says otherwise."""
    with suppress(OSError):  # nobody reads it, or its disk is full: no reason to stop
        print(visible(line), file=sys.stderr, flush=True)  # noqa: T201 a log line's way out


def visible(text: str) -> str:
    """The text as one line that no terminal takes as orders: a file's name may hold anything."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _line(_logger: object, level: str, fields: MutableMapping[str, Any]) -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    process, event = fields.pop("process"), fields.pop("event")
    pairs = "".join(f" {name}={_quoted(value)}" for name, value in fields.items() if value is not None)
    return f"{now} {level:<7} {process}: {event}{pairs}"


def _quoted(value: object) -> str:
    text = str(value)
    return repr(text) if not text.isprintable() or not text or set(text) & set(' ="') else text


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
