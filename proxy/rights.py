"""A proxy needs no rights: started by root, it becomes the service user once its sockets are open."""

import os
import pwd

from shared.errors import ConfigurationError
from shared.logs import Log
from shared.privileges import become


def give_up(user: str, log: Log) -> None:
    """For good; without that user, nobody."""
    if os.geteuid() != 0:
        become(None, None)
        return
    entry = _entry(user)
    if entry is None:
        log.warning("no such user here: running as nobody; `useradd --system` adds it", user=user)
        entry = _entry("nobody")
    if entry is None or entry.pw_uid == 0:
        raise ConfigurationError("--user: the proxy must not run as root; name another user")
    become(entry.pw_uid, entry.pw_gid)


def _entry(user: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None
