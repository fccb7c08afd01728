"""Kentik's credentials: taken from kprobe's variables too, and kept out of every child's environment."""

import os
from collections.abc import MutableMapping

ENVIRONMENT = "FLOWHERD_"
KPROXYS = ("KENTIK_API_EMAIL", "KENTIK_API_TOKEN")
KPROBES = {"KENTIK_EMAIL": "email", "KENTIK_TOKEN": "token"}
SECRET = frozenset({"token"})
HIDDEN = "(hidden)"
ADOPTED: dict[str, str] = {}  # our names, and the variables of kprobe's that stand in for them


def adopt(environ: MutableMapping[str, str] = os.environ) -> None:
    """Kprobe's variables stand in for ours; given and empty counts as given."""
    for name, ours in KPROBES.items():
        if name in environ and ENVIRONMENT + ours.upper() not in environ:
            environ[ENVIRONMENT + ours.upper()] = environ[name]
            ADOPTED[ours] = name


def forget(environ: MutableMapping[str, str] = os.environ) -> None:
    """No child inherits them: the exporter is told the credentials, and nobody else."""
    for name in KPROXYS:
        environ.pop(name, None)
    for name, ours in KPROBES.items():
        environ.pop(name, None)
        environ.pop(ENVIRONMENT + ours.upper(), None)
