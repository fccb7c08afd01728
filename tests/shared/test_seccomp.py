"""The filter's program, run by a machine of our own, and its numbers, held against the kernel's headers."""

import errno
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import seccomp, syscalls
from shared.seccomp import ALLOW, CLONE_THREAD, KILL_PROCESS, REFUSED, UNKNOWN, Doors
from tests.bpf_machine import run

WORKER, NURSERY = Doors(pid=4242), Doors(forks=True)
EXPORTER = Doors(files=True, accepts=True, families=(1, 2, 10, 16), pid=4242)
SOCKET, CLONE, TGKILL, CONNECT = (
    {"x86_64": x, "aarch64": a} for x, a in ((41, 198), (56, 220), (234, 131), (42, 203))
)
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
EVERYDAY = {  # read write close mmap futex poll sendmsg recvmsg madvise
    "x86_64": (0, 1, 3, 9, 202, 7, 46, 47, 28),
    "aarch64": (63, 64, 57, 222, 98, 73, 211, 212, 233),
}
machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def verdict(doors, machine, number, argument=0, architecture=None):
    """What the kernel would do; words are big-endian here, for that is how our machine reads."""
    shown = architecture or syscalls.ARCHITECTURES[machine]
    data = struct.pack(">IIQ", number, shown, 0) + struct.pack(">II", argument & 0xFFFFFFFF, argument >> 32)
    return run(seccomp.program(doors, machine), data + bytes(40))


@machines
@pytest.mark.parametrize("doors", [WORKER, NURSERY, EXPORTER])
def test_everyday_calls_pass(machine, doors):
    assert {verdict(doors, machine, number) for number in EVERYDAY[machine]} == {ALLOW}


@machines
@pytest.mark.parametrize("doors", [WORKER, NURSERY, EXPORTER])
@pytest.mark.parametrize("table", [syscalls.KERNEL, syscalls.EXEC])
def test_nobody_starts_a_program_or_touches_the_kernel(machine, doors, table):
    numbers = [getattr(call, machine) for call in table.values()]
    assert {verdict(doors, machine, number) for number in numbers if number is not None} == {REFUSED}


@machines
@given(thread=st.booleans(), rest=st.integers(0, (1 << 64) - 1))
def test_a_worker_has_threads_and_no_children(machine, thread, rest):
    flags = rest | CLONE_THREAD if thread else rest & ~CLONE_THREAD
    wanted = ALLOW if thread else REFUSED
    assert verdict(WORKER, machine, CLONE[machine], flags) == wanted
    assert verdict(NURSERY, machine, CLONE[machine], flags) == ALLOW


@machines
@given(family=st.integers(0, 64))
def test_sockets_are_of_the_families_named(machine, family):
    assert verdict(WORKER, machine, SOCKET[machine], family) == REFUSED
    assert verdict(EXPORTER, machine, SOCKET[machine], family) == (
        ALLOW if family in (1, 2, 10, 16) else REFUSED
    )
    assert verdict(Doors(families=None), machine, SOCKET[machine], family) == ALLOW
    assert verdict(WORKER, machine, CONNECT[machine]) == REFUSED
    assert verdict(EXPORTER, machine, CONNECT[machine]) == ALLOW


@machines
def test_signals_go_to_oneself(machine):
    assert verdict(WORKER, machine, TGKILL[machine], 4242) == ALLOW
    assert verdict(WORKER, machine, TGKILL[machine], 4243) == REFUSED
    assert verdict(WORKER, machine, getattr(syscalls.SIGNALS["kill"], machine), 4242) == REFUSED


@machines
@given(number=st.integers(syscalls.LAST + 1, (1 << 32) - 1))
def test_calls_of_the_future_and_of_x32_are_unknown(machine, number):
    assert verdict(EXPORTER, machine, number) == UNKNOWN
    assert UNKNOWN & 0xFFFF == errno.ENOSYS


@machines
@given(architecture=st.integers(1, (1 << 32) - 1), number=st.integers(0, 500))
def test_another_processors_calls_end_the_process(machine, architecture, number):
    if architecture != syscalls.ARCHITECTURES[machine]:
        assert verdict(NURSERY, machine, number, architecture=architecture) == KILL_PROCESS


@machines
def test_numbers_are_the_kernels(machine):
    """A name that the headers do not have is newer than they, or gone."""
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers here")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\b", HEADERS[machine].read_text())
    known = {name: int(number) for name, number in found}
    tables = (
        syscalls.KERNEL, syscalls.EXEC, syscalls.FORK, syscalls.SOCKETS, syscalls.ACCEPT, syscalls.FILES,
        syscalls.SIGNALS, syscalls.ASKED,
    )  # fmt: skip
    ours = {name: getattr(call, machine) for table in tables for name, call in table.items()}
    there = {name: number for name, number in ours.items() if name in known and number is not None}
    assert len(there) > 80
    assert there == {name: known[name] for name in there}
    assert {name for name, number in ours.items() if number is None} & known.keys() == set()
