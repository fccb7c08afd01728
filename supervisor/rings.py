"""An interface's capture ring and, while its worker goes over, the one that comes after it.

Both are in a fanout group of their own whose program says which of them the packets are for; the kernel exchanges
the program between two packets. So a ring grows and shrinks, and no packet comes twice or not at all.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.errors import FlowherdError
from supervisor import bpf, memory, ring_size
from supervisor.ring import HEAD_BYTES, Ring
from supervisor.unread import NOWHERE, unread

REFUSED_S = 60.0  # until a larger ring is asked for again
SHARE = 8  # of the free memory a ring takes this part at most


@dataclass(slots=True)
class Rings:
    """`coming`: where packets go while the worker still reads those before them in `current`."""

    current: Ring
    coming: Ring | None = None
    state: ring_size.State = field(default_factory=ring_size.State)
    stays_until_s: float = 0.0

    @property
    def all(self) -> tuple[Ring, ...]:
        """Those that are open, in the order of their packets."""
        return (self.current, self.coming) if self.coming else (self.current,)

    def may_resize(self, now_s: float) -> bool:
        """It shares its packets with no other's ring, and nothing goes on or was refused a moment ago."""
        return bool(self.current.group) and self.coming is None and now_s >= self.stays_until_s

    def look(self, words: Mapping[str, int], bounds: ring_size.Bounds, now_s: float) -> int:
        """The size in MiB that the ring should have now, by the first page of its worker's table."""
        seen_ns = max(words["heartbeat_ns"], words["capturing_since_ns"])  # neither: it waits for the kernels
        silent_s = now_s - seen_ns / 1e9 if seen_ns else 0.0
        octets = words["octets_received"] + HEAD_BYTES * words["packets_received"]
        state = ring_size.after(self.state, ring_size.Reading(octets, silent_s), now_s)
        self.state = ring_size.calmed(state)
        return ring_size.wanted_mib(state, self.current.mib, bounds)

    def resize(self, mib: int, open_one: Callable[[int, int], Ring]) -> None:
        """Have all packets go to another ring of this size in our group. FlowherdError: the kernel has no room.

        OSError: it lets none join, the link is down. Until both rings are there, nothing has changed.
        """
        self.stays_until_s = time.monotonic() + REFUSED_S  # should it be refused
        self._check_room(mib)
        self.current.have_packets(0)
        opened = open_one(mib, self.current.group)
        try:
            self._check(opened, mib)
            opened.have_packets(1)
        except BaseException:
            opened.close()
            raise
        self.coming, self.stays_until_s = replace(opened, number=self.current.number + 1), 0.0

    def _check_room(self, mib: int) -> None:
        """A host may have hundreds of links, and all of them busy, or starved, at a time."""
        if mib > self.current.mib and mib * SHARE > (free_mib := memory.available_mib()):
            raise FlowherdError(
                f"{free_mib} MiB of memory are free, too little for one of {mib} MiB; free some"
            )

    def _check(self, opened: Ring, asked_mib: int) -> None:
        """The kernel gives half where it has no room for all."""
        here = self.current.mib
        if opened.mib <= here < asked_mib:
            raise FlowherdError(
                f"no memory for more than {here} MiB; free some, or set --ring-mib to as much"
            )

    def settle(self, words: Mapping[str, int]) -> None:
        """Once the worker reads the coming one, there is nothing any more in the one before it."""
        if self.coming and words.get("ring") == self.coming.number:
            self.current.close()
            self.current, self.coming = self.coming, None

    def order(self, most_mib: int) -> dict[str, Any]:
        """For a worker: where all packets go; empty while that is where it is."""
        if self.coming is None:
            return {}
        geometry = {name: getattr(self.coming, name) for name in ("block_bytes", "blocks", "number")}
        return {"do": "ring", "may_grow": self.coming.mib < most_mib, **geometry}

    def refilter(self, program: bpf.Program) -> None:
        """From the next packet on."""
        for ring in self.all:
            ring.refilter(program)

    def forget_drops(self) -> int:
        """Packets they could not hold, as far as nobody has counted them; the kernel counts anew from here."""
        return sum(ring.forget_drops() for ring in self.all)

    def unread(self, words: Mapping[str, int], before_ns: int) -> int:
        """Packets that came before that time and that no worker took."""
        places = (words, NOWHERE)
        return sum(unread(ring, place, before_ns) for ring, place in zip(self.all, places, strict=False))

    def close(self) -> None:
        """The kernel frees a ring when the last worker has unmapped it."""
        for ring in self.all:
            ring.close()
