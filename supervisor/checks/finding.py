"""One thing looked at: how it is, and what to do if it is not well."""

from dataclasses import dataclass
from typing import Literal

from shared.errors import Exit

Grade = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`topic` is one word; `remedy` a command or a sentence; `code` what the command exits with because of it."""

    grade: Grade
    topic: str
    what: str
    remedy: str = ""
    code: int = Exit.DONE


def ok(topic: str, what: str, note: str = "") -> Finding:
    """All is well; `note` is what somebody might want to change all the same."""
    return Finding("ok", topic, what, note)


def warning(topic: str, what: str, remedy: str) -> Finding:
    """Flowherd runs, but worse than it could."""
    return Finding("warning", topic, what, remedy)


def failed(topic: str, what: str, remedy: str, code: int = Exit.FAILURE) -> Finding:
    """Flowherd cannot start like this."""
    return Finding("failed", topic, what, remedy, code)
