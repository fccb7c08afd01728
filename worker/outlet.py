"""Records from the outbox down the pipe, kept until acknowledged; never blocks (step 8).

The outbox is a ring of records in the flow table's file, numbered from 0: `head` is the next to be written,
`acknowledged` the first the exporter has not confirmed. A successor sends from `acknowledged` on.
"""

import os
import select
import time
from bisect import bisect_right
from operator import itemgetter

from shared.counters import WORKER
from shared.record import Batch, parts
from shared.vitals import INDEX
from shared.wire import AckReader, header
from worker import shed
from worker.afloat import Afloat
from worker.layout import Table

HEAD, TAIL, ACKNOWLEDGED = INDEX["head"], INDEX["tail"], INDEX["acknowledged"]
TEXTS_HEAD, TEXTS_TAIL = INDEX["texts_head"], INDEX["texts_tail"]
BATCHES_SENT, RECORDS_DROPPED, EPOCH = INDEX["batches_sent"], INDEX["records_dropped"], INDEX["epoch"]
BATCH_RECORDS = 8192
BATCH_AGE_S = 1.0
SHED_RECORDS = 2048
FIRST_COUNTER = INDEX[WORKER[0].name]


class Outlet:
    """The worker's end of the batch and acknowledgement pipes (both non-blocking)."""

    def __init__(
        self, table: Table, batches: int, acks: int, interface: str, ifindex: int, sample: int = 1
    ) -> None:
        self._words, self._outbox, self._texts = table.words, table.outbox, table.texts
        self._ifindex, self._sample_rate = ifindex, max(sample, 1)
        self._names = [(0, interface)]  # and the number of the first record each is for
        self._is_renamed = False
        self._last_sent_s = time.monotonic()
        self._shed = int(self._words[TAIL])
        self._afloat = Afloat()
        self.take_pipes(batches, acks)

    def take_pipes(self, batches: int, acks: int) -> None:
        """Fresh pipes: everything unacknowledged is sent again, but for what the outbox has no more."""
        self._words[RECORDS_DROPPED] += self._afloat.sink()
        self._batches, self._acks = batches, acks
        for pipe in (batches, acks):
            os.set_blocking(pipe, False)
        self._acks_reader = AckReader()
        self._pieces: list[memoryview] = []
        self._sent = int(self._words[TAIL])
        self.broken = False

    def rename(self, interface: str) -> None:
        """The next record is another file's; the first file's name also stands for what a dead worker left behind."""
        first = int(self._words[HEAD]) if self._is_renamed else 0
        while self._names and self._names[-1][0] >= first:
            self._names.pop()
        self._names.append((first, interface))
        self._is_renamed = True

    def _named(self, record: int) -> tuple[str, int]:
        """The record's interface, and the first record of the next one."""
        del self._names[: bisect_right(self._names, int(self._words[TAIL]), key=itemgetter(0)) - 1]
        place = bisect_right(self._names, record, key=itemgetter(0))
        end = self._names[place][0] if place < len(self._names) else int(self._words[HEAD])
        return self._names[place - 1][1], end

    @property
    def room(self) -> int:
        """Records that fit into the outbox."""
        return len(self._outbox) - int(self._words[HEAD] - self._words[TAIL])

    @property
    def has_text_room(self) -> bool:
        """Less than half the text ring waits to be sent."""
        if self.is_empty:  # nothing but questions, which may be written over
            self._words[TEXTS_TAIL] = self._words[TEXTS_HEAD]
        return int(self._words[TEXTS_HEAD] - self._words[TEXTS_TAIL]) * 2 <= len(self._texts)

    @property
    def is_empty(self) -> bool:
        """Everything written is acknowledged."""
        return int(self._words[TAIL]) == int(self._words[HEAD])

    def make_room(self, records: int) -> None:
        """Live capture waits for nobody: the oldest records are dropped, and counted unless they are sent."""
        lack = records - self.room
        if lack > 0:
            # The rest of the message in hand lies in the outbox, which will be written over.
            self._pieces = [memoryview(bytes(piece)) for piece in self._pieces]
            first, head = int(self._words[TAIL]), int(self._words[HEAD])
            end = min(first + max(lack, BATCH_RECORDS), head)
            self._move_tail(end)
            sent = min(max(self._sent, first), end)
            self._afloat.add(first, sent)
            self._words[RECORDS_DROPPED] += end - sent
            self._sent = max(self._sent, end)

    def pump(self, *, urgent: bool = False) -> None:
        """Take acknowledgements; go on with the message in hand; begin the next when it is large or old enough."""
        self._read_acks()
        while not self.broken and self._write() and self._is_due(urgent):
            self._begin_message()

    def _is_due(self, urgent: bool) -> bool:
        waiting = int(self._words[HEAD]) - self._sent
        if waiting >= BATCH_RECORDS or (urgent and waiting) or self._sent < self._names[-1][0]:
            return True
        return time.monotonic() - self._last_sent_s >= BATCH_AGE_S

    def _begin_message(self) -> None:
        capacity, first = len(self._outbox), self._sent
        place = first % capacity
        interface, end = self._named(first)
        count = min(end - first, BATCH_RECORDS, capacity - place)
        rows = self._outbox[place : place + count]
        batch = Batch(
            interface,
            self._ifindex,
            self._sample_rate,
            rows,
            self._counters(),
            self._texts_of(first, count),
        )
        head, content = parts(batch)
        whole = len(head) + len(content)
        self._pieces = [memoryview(header(int(self._words[EPOCH]), first, count, whole) + head), content]
        self._sent = first + count
        self._last_sent_s = time.monotonic()

    def _text_at(self, record: int) -> int:
        """Where the record's texts begin in the text ring; behind the last one, where the next will."""
        if record == int(self._words[HEAD]):
            return int(self._words[TEXTS_HEAD])
        return int(self._outbox[record % len(self._outbox)]["text_at"])

    def _texts_of(self, first: int, count: int) -> bytes:
        """The texts of so many records, and questions that were asked among them."""
        ring = len(self._texts)
        start, end = self._text_at(first), self._text_at(first + count)
        place, octets = start % ring, end - start
        wrapped = max(place + octets - ring, 0)
        return bytes(self._texts[place : place + octets].tobytes() + self._texts[:wrapped].tobytes())

    def _move_tail(self, record: int) -> None:
        """Records before this one are the exporter's now, or dropped: so are their texts."""
        self._words[TEXTS_TAIL] = self._text_at(record)
        self._words[TAIL] = record

    def shed(self) -> None:
        """Give the memory of records the exporter has taken back to the kernel; what a slow one left is kept.

        So are later records that lie in their places already.
        """
        tail, capacity = int(self._words[TAIL]), len(self._outbox)
        first = max(self._shed, int(self._words[HEAD]) - capacity)
        while tail - first >= SHED_RECORDS:
            place = first % capacity
            count = min(tail - first, capacity - place)
            shed.pages_between(self._outbox[place : place + count])
            first += count
        self._shed = first

    def _counters(self) -> dict[str, int]:
        return {counter.name: int(self._words[FIRST_COUNTER + i]) for i, counter in enumerate(WORKER)}

    def _write(self) -> bool:
        """Write what the pipe takes; True when no message is left in hand."""
        while self._pieces:
            try:
                written = os.writev(self._batches, self._pieces)
            except BlockingIOError:
                return False
            except BrokenPipeError:
                self.broken = True
                return False
            self._pieces = _behind(self._pieces, written)
            if not self._pieces:
                self._words[BATCHES_SENT] += 1
        return True

    def _read_acks(self) -> None:
        try:
            data = os.read(self._acks, 1 << 16)
        except BlockingIOError:
            return
        for epoch, following in self._acks_reader.feed(data):
            if epoch == int(self._words[EPOCH]):
                self._afloat.acknowledged(following)
                self._words[ACKNOWLEDGED] = max(int(self._words[ACKNOWLEDGED]), following)
                if int(self._words[TAIL]) < following <= int(self._words[HEAD]):
                    self._move_tail(following)

    def wait(self, seconds: float) -> None:
        """Sleep until the pipe has room for the message in hand, or an acknowledgement comes."""
        poll = select.poll()
        if not self.broken:
            poll.register(self._acks, select.POLLIN)
            if self._pieces:
                poll.register(self._batches, select.POLLOUT)
        poll.poll(seconds * 1000)


def _behind(pieces: list[memoryview], octets: int) -> list[memoryview]:
    """What of the pieces is left when so many octets of them are written."""
    while pieces and octets >= len(pieces[0]):
        octets -= len(pieces[0])
        pieces = pieces[1:]
    return [pieces[0][octets:], *pieces[1:]] if pieces else []
