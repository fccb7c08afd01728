"""From root to the service user, for good: folders are made first, then groups, ids and no_new_privs."""

import ctypes
import os
from pathlib import Path

from exporter.orders import Orders

PR_SET_NO_NEW_PRIVS = 38


def own_folder(folder: Path, orders: Orders) -> None:
    """Make `folder`; what is made here belongs to the service user, what was there before keeps its owner."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o755)
        if orders.uid is not None:
            os.chown(path, orders.uid, -1 if orders.gid is None else orders.gid)


def become(orders: Orders) -> None:
    """Take the service user's ids and give up every way back; without a user, stay who we are."""
    if orders.uid is not None:
        gid = orders.uid if orders.gid is None else orders.gid
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(orders.uid, orders.uid, orders.uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
