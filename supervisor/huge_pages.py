"""A memory file in huge pages, whatever the host's default is: a file of a tmpfs of our own that is mounted nowhere.

A flow table of many flows is read at random, and with pages of 4 KiB finding a page costs as much as the row in it
(docs/adr/0010). fsopen(2), fsconfig(2), fsmount(2): Linux 5.2, root; their numbers are the same on every processor.
"""

import os

from shared.system_call import call

FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
CLOSE_ON_EXEC, SET_STRING, CREATE = 1, 1, 6  # linux/mount.h: FSOPEN_ and FSMOUNT_CLOEXEC, FSCONFIG_…


def make_file(name: str, mib: int) -> int:
    """Descriptor of a new file of this size that nobody else can open. OSError where the kernel refuses."""
    mount = _mount({"huge": "within_size", "size": f"{mib}m", "mode": "0700"})
    try:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=mount)
        os.unlink(name, dir_fd=mount)
        os.truncate(fd, mib << 20)
    finally:
        os.close(mount)
    return fd


def _mount(options: dict[str, str]) -> int:
    """A tmpfs with these options, not attached anywhere: it ends with its last file."""
    context = call(FSOPEN, b"tmpfs", CLOSE_ON_EXEC)
    try:
        for option, value in options.items():
            call(FSCONFIG, context, SET_STRING, option.encode(), value.encode(), 0)
        call(FSCONFIG, context, CREATE, None, None, 0)
        return call(FSMOUNT, context, CLOSE_ON_EXEC, 0)
    finally:
        os.close(context)
