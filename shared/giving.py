"""What to do about a folder the service user cannot write: give it to that user, if nobody else has a use for it."""

import os
from pathlib import Path

OF_OURS = frozenset({"manifest.json", "identity"})  # a store has the one, a spool the other


def remedy(folder: str | Path, user: str) -> str:
    """`chown -R` of a folder of others, /etc by mistake, would harm the host."""
    return f"chown -R {user} {folder}" if _is_ours(folder) else "name a folder of its own"


def _is_ours(folder: str | Path) -> bool:
    try:
        names = set(os.listdir(folder))  # noqa: PTH208 - names are enough
    except OSError:
        return False
    return not names or not names.isdisjoint(OF_OURS)
