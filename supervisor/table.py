"""The flow table's memory: a sparse memory file made here, mapped by each worker in turn, read for its vitals."""

import os
import struct
import time
from dataclasses import dataclass

from shared import vitals
from shared.errors import FlowherdError
from supervisor import huge_pages, memory

LEAST_MIB = 8
CURSOR_AT = 8 * vitals.INDEX["cursor_block"]  # block, offset, sequence, in hand
RING_AT, HEARTBEAT_AT = (8 * vitals.INDEX[name] for name in ("ring", "heartbeat_ns"))
FULL_SHARE = 4  # a table is seldom fuller than a quarter of its address space


@dataclass(frozen=True, slots=True)
class Table:
    """One interface's flow table; it outlives its workers, and ends with the last of us who holds it."""

    fd: int
    mib: int

    @classmethod
    def create(cls, name: str, asked_mib: int) -> "Table":
        """A new empty table, smaller than asked where memory is short.

        Its pages come with the worker's first touch, so from the node of the core it is pinned to.
        """
        mib = fitting(asked_mib, memory.available_mib())
        fd = _memory_file(f"flowherd-{name}", mib)
        os.pwrite(fd, vitals.initial_page(time.time_ns()), 0)
        return cls(fd, mib)

    def read(self) -> dict[str, int]:
        """The worker's words and counters, as they stand."""
        return vitals.read_page(os.pread(self.fd, vitals.PAGE_BYTES, 0))

    def stand_at(self, former: dict[str, int]) -> None:
        """Before its first worker: go on at the place in the ring that a former table's words name.

        Since its last worker's heartbeat nobody has read that ring.
        """
        place = former["cursor_block"], former["in_hand"], former["cursor_sequence"], former["in_hand"]
        os.pwrite(self.fd, struct.pack("=4Q", *place), CURSOR_AT)
        os.pwrite(self.fd, struct.pack("=Q", former["ring"]), RING_AT)
        os.pwrite(self.fd, struct.pack("=Q", former["heartbeat_ns"]), HEARTBEAT_AT)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.fd)


def _memory_file(name: str, mib: int) -> int:
    """In huge pages where we may, else as the host has it."""
    try:
        return huge_pages.make_file(name, mib)
    except OSError:  # no root, or a container's, or an old kernel
        fd = os.memfd_create(name, os.MFD_CLOEXEC)
        os.truncate(fd, mib << 20)
        return fd


def fitting(asked_mib: int, free_mib: int) -> int:
    """The size by halves that free memory can take; FlowherdError when there is none worth having."""
    mib = asked_mib
    while mib // FULL_SHARE > free_mib:
        mib //= 2
    if mib < min(asked_mib, LEAST_MIB):
        raise FlowherdError(f"{free_mib} MiB of memory are free, too little for a flow table; free some")
    return mib
