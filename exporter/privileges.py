"""From root to the service user, for good: folders are made first, then groups, ids and no_new_privs."""

import os
from pathlib import Path

from exporter.orders import Orders
from shared import privileges


def own_folder(folder: Path, orders: Orders) -> None:
    """Make `folder`; what is made here belongs to the service user, what was there before keeps its owner."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o755)
        if orders.uid is not None:
            os.chown(path, orders.uid, -1 if orders.gid is None else orders.gid)


def become(orders: Orders) -> None:
    """Take the service user's ids and give up every way back; without a user, stay who we are."""
    privileges.become(orders.uid, orders.gid)
