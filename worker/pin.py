"""Core and privileges of a process: asked for, read back, both said."""

import ctypes
import os
import signal

from shared import privileges

CAPABILITY_VERSION_3 = 0x20080522
CAP_NET_ADMIN, CAP_NET_RAW = 12, 13
_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def pin(core: int | None) -> int | None:
    """Run on `core` only; the core the kernel granted, or None when it granted no single one."""
    if core is not None:
        try:
            os.sched_setaffinity(0, {core})
        except OSError:
            return None
    granted = os.sched_getaffinity(0)
    return next(iter(granted)) if len(granted) == 1 else None


def become(uid: int | None, gid: int | None, *, raw: bool) -> None:
    """Become the service user for good, with no capability but, for libpcap handles, the two that open them."""
    if uid is not None:
        privileges.prctl(privileges.PR_SET_KEEPCAPS, int(raw))
    privileges.become(uid, gid)
    if uid is not None:
        allow((CAP_NET_ADMIN, CAP_NET_RAW) if raw else ())


def allow(capabilities: tuple[int, ...]) -> None:
    """Keep these capabilities and no other. OSError when one of them is not there."""
    mask = sum(1 << capability for capability in capabilities)
    header, sets = _Header(CAPABILITY_VERSION_3, 0), (_Sets * 2)()
    sets[0].effective = sets[0].permitted = mask
    if _libc.capset(ctypes.byref(header), ctypes.byref(sets)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def die_with_parent() -> None:
    """Be killed as soon as the parent ends."""
    privileges.prctl(privileges.PR_SET_PDEATHSIG, signal.SIGKILL)
