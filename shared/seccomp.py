"""seccomp: a small BPF program of our own that answers some system calls with an error, for good (man 2 seccomp).

A list of what is refused, for a list of what is allowed breaks with each Python and C library (docs/adr/0016).
"""

import ctypes
import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared import syscalls
from shared.syscalls import ARCHITECTURES, Number

Instruction = tuple[int, int, int, int]
LOAD, EQUAL, GREATER, ANY_BIT, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06  # linux/bpf_common.h
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # in struct seccomp_data; the low word of the argument
ALLOW, ERROR, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
CLONE_THREAD = 0x10000
SET_MODE_FILTER, SYNC_THREADS = 1, 1
REFUSED, UNKNOWN = ERROR | errno.EPERM, ERROR | errno.ENOSYS


@dataclass(frozen=True, slots=True)
class Doors:
    """Which doors stay open. `families`: the sockets that may be made, None: all."""

    files: bool = False
    forks: bool = False
    accepts: bool = False
    families: tuple[int, ...] | None = ()
    pid: int = 0
    """Signals go to this process alone; 0: to any"""


class _Line(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("true", ctypes.c_uint8),
        ("false", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("lines", ctypes.POINTER(_Line)))


_libc = ctypes.CDLL(None, use_errno=True)


def program(doors: Doors, machine: str) -> list[Instruction]:
    """The filter for a processor. A call of another one's (a 32-bit program's) ends the process."""
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
        (GREATER, 0, 1, syscalls.LAST),  # x32's numbers are beyond it, too
        (RETURN, 0, 0, UNKNOWN),
    ]
    for call in sorted(_numbers(_refused(doors), machine)):
        lines += [(EQUAL, 0, 1, call), (RETURN, 0, 0, REFUSED)]
    lines += _asked(doors, machine)
    return [*lines, (RETURN, 0, 0, ALLOW)]


def _refused(doors: Doors) -> Iterator[Number]:
    yield from syscalls.KERNEL.values()
    yield from syscalls.EXEC.values()
    if not doors.files:
        yield from syscalls.FILES.values()
    if not doors.forks:
        yield from syscalls.FORK.values()
    if doors.families == ():
        yield from syscalls.SOCKETS.values()
    if not doors.accepts:
        yield from syscalls.ACCEPT.values()
    if doors.pid:
        yield from syscalls.SIGNALS.values()


def _numbers(calls: Iterable[Number], machine: str) -> set[int]:
    return {number for call in calls if (number := getattr(call, machine)) is not None}


def _asked(doors: Doors, machine: str) -> list[Instruction]:
    """Calls that hang on their first argument; of clone3 it cannot be seen: C libraries then take clone."""
    asked = {name: getattr(call, machine) for name, call in syscalls.ASKED.items()}
    lines = [(EQUAL, 0, 1, asked["clone3"]), (RETURN, 0, 0, UNKNOWN)]
    if not doors.forks:
        lines += _only_if(asked["clone"], [(ANY_BIT, CLONE_THREAD)])
    if doors.families:
        lines += _only_if(asked["socket"], [(EQUAL, family) for family in doors.families])
    if doors.pid:
        lines += _only_if(asked["tgkill"], [(EQUAL, doors.pid)])
    return lines


def _only_if(call: int, tests: list[tuple[int, int]]) -> list[Instruction]:
    """Allow a call when its first argument passes one of the tests."""
    lines: list[Instruction] = [(LOAD, 0, 0, FIRST_ARGUMENT)]
    lines += [(test, len(tests) - index, 0, value) for index, (test, value) in enumerate(tests)]
    lines += [(RETURN, 0, 0, REFUSED), (RETURN, 0, 0, ALLOW)]
    return [(EQUAL, 0, len(lines), call), *lines]


def install(doors: Doors) -> None:
    """Filter this process from now on, all its threads. Needs no_new_privs. OSError when the kernel refuses."""
    machine = syscalls.machine()
    if not machine:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    lines = program(doors, machine)
    array = (_Line * len(lines))(*(_Line(*line) for line in lines))
    number = getattr(syscalls.ASKED["seccomp"], machine)
    if _libc.syscall(number, SET_MODE_FILTER, SYNC_THREADS, ctypes.byref(_Program(len(lines), array))):
        error = ctypes.get_errno()
        raise OSError(error or errno.EBUSY, os.strerror(error or errno.EBUSY))
