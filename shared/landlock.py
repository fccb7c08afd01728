"""Landlock, direct by its three system calls: no file, port or process but those a process names beforehand.

Each ABI version of the kernel can refuse more; what an older one cannot is left out (man 7 landlock).
"""

import ctypes
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from shared.system_call import call

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every processor
ASK_VERSION, PATH_BENEATH, NET_PORT = 1, 1, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
OF_FOLDERS = 0x3FF0 | READ_DIR  # remove, make and move what is in it
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
FIRST_ACCESS, REFER = (1 << 13) - 1, 1 << 13
READ, WRITE = READ_FILE | READ_DIR, 0x7FFF & ~EXECUTE & ~(1 << 6) & ~(1 << 11)  # no device files
BIND_TCP, CONNECT_TCP = 1, 2
ABSTRACT_SOCKETS, SIGNALS = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # what packing means, said since Python 3.14
    _fields_ = (("access", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _PortRule(ctypes.Structure):
    _fields_ = (("access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def version() -> int:
    """The kernel's ABI version; 0: it has no Landlock, or somebody keeps us from it."""
    return max(int(_libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)), 0)


def restrict(reads: Iterable[str], writes: Iterable[str], ports: Iterable[int] | None) -> int:
    """From now on this thread and its children open only what is below these paths; the ABI version that sees to it.

    `ports`: where TCP may go, None: anywhere. No program is started, no port opened, and no signal nor abstract
    socket reaches a process outside. Needs no_new_privs. OSError when the kernel refuses.
    """
    abi = version()
    files, net, scoped = _handled(abi)
    if ports is None:
        net &= ~CONNECT_TCP
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    rules = call(CREATE_RULESET, ctypes.byref(_Ruleset(files, net, scoped)), ctypes.c_size_t(size), 0)
    try:
        for access, paths in ((READ, reads), (READ | WRITE, writes)):
            for path in paths:
                with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                    _allow_path(rules, path, access & files)
        for port in ports or () if net & CONNECT_TCP else ():
            rule = _PortRule(CONNECT_TCP, port)
            call(ADD_RULE, rules, NET_PORT, ctypes.byref(rule), 0)
        call(RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return abi


def _handled(abi: int) -> tuple[int, int, int]:
    """What this version can refuse: on files, on TCP, and across the border of the sandbox."""
    files = FIRST_ACCESS
    for since, access in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEVICE)):
        files |= access if abi >= since else 0
    return files, BIND_TCP | CONNECT_TCP if abi >= 4 else 0, ABSTRACT_SOCKETS | SIGNALS if abi >= 6 else 0


def _allow_path(rules: int, path: str, access: int) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not Path(path).is_dir():
            access &= ~OF_FOLDERS
        rule = _PathRule(access, folder)
        call(ADD_RULE, rules, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(folder)
