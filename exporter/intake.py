"""Workers' pipes in: messages cut, numbers checked, batches kept, and only then acknowledged (step 9)."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgpack

from exporter.fault import in_words
from exporter.figures import Figures
from exporter.log import log
from exporter.stall import Stall
from shared import record, wire
from shared.wire import Message

READ_BYTES = 1 << 20
TURN_BYTES = 4 << 20
EPOCHS_MOST = 4096  # more than there can be workers; of those before them the spool knows


class Keeper(Protocol):
    """Where batches are kept before they are acknowledged: the spool, or nothing but a count."""

    @property
    def place(self) -> str:
        """The folder, for people."""

    def acknowledged(self, epoch: int) -> int | None:
        """Number of the record expected next from `epoch`; None when the epoch is new."""

    def put(self, message: Message, skip: int) -> None:
        """Keep one batch without its first `skip` records. OSError: it was not kept."""

    def sync(self) -> None:
        """Make what was put durable."""


@dataclass(slots=True)
class Inlet:
    """The two pipes of one worker; `waiting` holds what could not be kept, and then no more is read."""

    name: str
    batches: int
    acks: int
    reader: wire.Reader = field(default_factory=wire.Reader)
    waiting: list[Message] = field(default_factory=list)
    owed: dict[int, int] = field(default_factory=dict)
    ended: bool = False
    watched: bool = False
    closed: bool = False

    def close(self) -> None:
        """Let go of both pipes; a partial message is sent again by the worker's successor."""
        os.close(self.batches)
        os.close(self.acks)
        self.closed = True


class Intake:
    """All inlets, and the number of the record expected next of each epoch."""

    def __init__(
        self, keeper: Keeper, figures: Figures, saw: Callable[[record.Batch], None] | None = None
    ) -> None:
        self._keeper = keeper
        self._figures = figures
        self._saw = saw
        self._expected: dict[int, int] = {}
        self._stall = Stall()

    @property
    def fault(self) -> str:
        """Why the spool takes nothing; empty while it does."""
        return self._stall.why

    def attach(self, name: str, batches: int, acks: int) -> Inlet:
        """Take on a worker's pipes."""
        os.set_blocking(batches, False)
        os.set_blocking(acks, False)
        return Inlet(name, batches, acks)

    def read(self, inlet: Inlet) -> None:
        """Take what the pipe holds, at most TURN_BYTES. WireError when it is out of step."""
        taken = 0
        while taken < TURN_BYTES and not inlet.waiting:
            try:
                data = os.read(inlet.batches, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                inlet.ended = True
                return
            taken += len(data)
            for message in inlet.reader.feed(data):
                self._take(inlet, message)

    def settle(self, inlets: list[Inlet]) -> None:
        """Try again what waits, make everything durable, then acknowledge it."""
        for inlet in inlets:
            waiting, inlet.waiting = inlet.waiting, []
            for message in waiting:
                self._take(inlet, message)
        try:
            self._keeper.sync()
        except OSError as error:
            self._stall.refused(in_words(error, self._keeper.place))
            return
        self._stall.look(is_waiting=any(inlet.waiting for inlet in inlets))
        for inlet in inlets:
            if inlet.owed:
                _acknowledge(inlet)

    def _take(self, inlet: Inlet, message: Message) -> None:
        expected = self._expect(message)
        skip = min(max(expected - message.first, 0), message.records)
        if inlet.waiting or not self._keep(inlet, message, skip):
            inlet.waiting.append(message)
            return
        self._count(inlet.name, message, skip, expected)
        following = max(expected, message.first + message.records)
        inlet.owed[message.epoch] = following
        self._remember(message.epoch, following)

    def _remember(self, epoch: int, following: int) -> None:
        self._expected.pop(epoch, None)
        self._expected[epoch] = following
        if len(self._expected) > EPOCHS_MOST:
            del self._expected[next(iter(self._expected))]

    def _expect(self, message: Message) -> int:
        """What is expected of the message's epoch. One never heard of starts where its first message does."""
        expected = self._expected.get(message.epoch)
        if expected is None:
            expected = self._keeper.acknowledged(message.epoch)
        return message.first if expected is None else expected

    def _keep(self, inlet: Inlet, message: Message, skip: int) -> bool:
        if 0 < message.records == skip:
            return True
        try:
            if message.records:
                self._keeper.put(message, skip)
        except OSError as error:
            self._stall.refused(in_words(error, self._keeper.place))
            return False
        self._look(inlet.name, message)
        return True

    def _look(self, name: str, message: Message) -> None:
        try:
            batch = record.unpack(message.payload)
        except (record.SchemaError, KeyError, TypeError, ValueError, msgpack.UnpackException) as error:
            self._figures.of(name)["batches_unreadable"] += 1
            log.error("batch cannot be read", interface=name, why=error)
            return
        self._figures.worker(name).update(batch.counters)
        if self._saw is not None:
            self._saw(batch)

    def _count(self, name: str, message: Message, skip: int, expected: int) -> None:
        counts = self._figures.of(name)
        counts["batches_received"] += 1
        counts["records_received"] += message.records - skip
        counts["records_duplicate"] += skip
        counts["records_missing"] += max(message.first - expected, 0)


def _acknowledge(inlet: Inlet) -> None:
    """Say what was kept. A full pipe is tried again later; a closed one ends the inlet at its next read."""
    for epoch, following in list(inlet.owed.items()):
        try:
            os.write(inlet.acks, wire.ACK.pack(epoch, following))
        except BlockingIOError:
            return
        except BrokenPipeError:
            inlet.owed.clear()
            return
        del inlet.owed[epoch]
