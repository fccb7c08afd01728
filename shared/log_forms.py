"""A line of log in three forms: for people, for programs (JSON), for the journal; always one line an event."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

Form = Literal["text", "json", "journal"]
LEVELS = {"trace": 5, "debug": 10, "info": 20, "warning": 30, "error": 40}
PRIORITIES = {"trace": 7, "debug": 7, "info": 6, "warning": 4, "error": 3}  # syslog's


def form_of(wanted: str, environ: Mapping[str, str] = os.environ) -> Form:
    """`auto`: the journal's where stderr leads there (JOURNAL_STREAM, man 7 systemd.exec), else text."""
    match wanted:
        case "json" | "journal" | "text":
            return wanted
    return "journal" if _leads_to_journal(environ.get("JOURNAL_STREAM", "")) else "text"


def _leads_to_journal(stream: str) -> bool:
    try:
        seen = os.fstat(2)
    except OSError:
        return False
    return stream == f"{seen.st_dev}:{seen.st_ino}"


def line(form: Form, process: str, level: str, event: str, fields: Mapping[str, Any]) -> str:
    """One event as one line; fields without a value are left out."""
    told = {name: value for name, value in fields.items() if value is not None}
    if form == "json":
        return as_json(process, level, event, told)
    pairs = "".join(f" {name}={quoted(value)}" for name, value in told.items())
    if form == "journal":  # it has times of its own
        return f"<{PRIORITIES[level]}>{process}: {event}{pairs}"
    return f"{now()} {level:<7} {process}: {event}{pairs}"


def as_json(process: str, level: str, event: str, fields: Mapping[str, Any]) -> str:
    """An event as a JSON object."""
    told = {"time": now(), "level": level, "process": process, "event": event, **fields}
    return json.dumps(told, default=str).replace(
        "\x7f", "\\u007f"
    )  # no other sign is left that is not printed


def sentence(form: Form, level: str, text: str) -> str:
    """What a user is told at the end, or that something cannot be done."""
    if form == "json":
        return as_json("flowherd", level, text, {})
    return f"<{PRIORITIES[level]}>flowherd: {text}" if form == "journal" else f"flowherd: {text}"


def now() -> str:
    """This second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def visible(text: str) -> str:
    """The text as one line that no terminal takes as orders: a file's name may hold anything."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def quoted(value: object) -> str:
    """A value as it stands behind `name=`."""
    text = str(value)
    return repr(text) if not text.isprintable() or not text or set(text) & set(' ="') else text
