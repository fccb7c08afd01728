"""Runs its words as below a kernel that has neither Landlock nor, from then on, seccomp: both are ENOSYS."""

import ctypes
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared import landlock, privileges, seccomp, syscalls

ABSENT = (landlock.CREATE_RULESET, getattr(syscalls.ASKED["seccomp"], syscalls.machine()))


def become_old():
    """A filter of our own that answers these two."""
    lines = [(seccomp.LOAD, 0, 0, seccomp.NUMBER)]
    for number in ABSENT:
        lines += [(seccomp.EQUAL, 0, 1, number), (seccomp.RETURN, 0, 0, seccomp.UNKNOWN)]
    lines.append((seccomp.RETURN, 0, 0, seccomp.ALLOW))
    array = (seccomp._Line * len(lines))(*(seccomp._Line(*line) for line in lines))
    filtering = ctypes.byref(seccomp._Program(len(lines), array))
    privileges.prctl(privileges.PR_SET_NO_NEW_PRIVS, 1)
    if seccomp._libc.syscall(ABSENT[1], seccomp.SET_MODE_FILTER, 0, filtering):
        raise OSError(ctypes.get_errno(), "no filter")


if __name__ == "__main__":
    become_old()
    os.execv(sys.argv[1], sys.argv[1:])
