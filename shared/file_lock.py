"""flock(2) without waiting: a lock that ends with its holder, however that ends."""

import fcntl


def is_locked(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    """Try; whether it is ours now."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
