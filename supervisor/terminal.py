"""Whether somebody sits at a terminal of ours: SIGHUP says that it was closed, or else that we are to reload."""

import os


def terminals() -> tuple[bool, ...]:
    """Standard input, standard error, and the one that controls our session; one that was closed is none."""
    return os.isatty(0), os.isatty(2), _is_controlled()


def _is_controlled() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
