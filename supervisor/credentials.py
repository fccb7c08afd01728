"""Kentik's credentials: taken from kprobe's variables too, and kept out of every child's environment."""

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

ENVIRONMENT = "FLOWHERD_"
KPROXYS = ("KENTIK_API_EMAIL", "KENTIK_API_TOKEN")
KPROBES = {"KENTIK_EMAIL": "email", "KENTIK_TOKEN": "token"}
SECRET = frozenset({"token"})
HIDDEN = "(hidden)"
_forgotten: dict[str, str] = {}
ADOPTED: dict[str, str] = {}  # our names, and the variables of kprobe's that stand in for them


def adopt(environ: MutableMapping[str, str] = os.environ) -> None:
    """Kprobe's variables stand in for ours; given and empty counts as given."""
    for name, ours in KPROBES.items():
        if name in environ and ENVIRONMENT + ours.upper() not in environ:
            environ[ENVIRONMENT + ours.upper()] = environ[name]
            ADOPTED[ours] = name


def forget(environ: MutableMapping[str, str] = os.environ) -> None:
    """No child inherits them: the exporter is told the credentials, and nobody else."""
    for name in _names():
        if name in environ:
            _forgotten[name] = environ.pop(name)


@contextmanager
def recalled() -> Iterator[None]:
    """For as long as the settings are read again."""
    os.environ.update(_forgotten)
    try:
        yield
    finally:
        forget()


def _names() -> tuple[str, ...]:
    return (*KPROXYS, *KPROBES, *(ENVIRONMENT + ours.upper() for ours in KPROBES.values()))
