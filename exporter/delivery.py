"""One sink's thread: batches from the spool, flush, retry with back-off; hurts nobody else (step 10)."""

import threading
import time

from exporter.fault import in_words
from exporter.log import log
from exporter.sinks.base import Gone, Sink
from exporter.spool import Spool
from exporter.spoolfile import Entry
from shared import environment

BACKOFF_FIRST_S = 0.5
BACKOFF_LONGEST_S = environment.wait_s("FLOWHERD_BACKOFF_LONGEST_S")
DOUBLINGS = 6  # then it is the longest; 2 to the number of failures is no float after a night of them
LAST_ATTEMPTS = 5
LOOK_S = 0.25


class Delivery(threading.Thread):
    """Owns the sink's cursor: what is up to it is committed and may leave the spool for this sink's part."""

    def __init__(self, name: str, sink: Sink, spool: Spool, place: str = "") -> None:
        super().__init__(name=f"sink {name}", daemon=True)
        self.sink_name, self._place = name, place or name
        self.sink = sink
        self.records = 0
        self.dropped = 0
        self.errors = 0
        self.error: str | None = None
        self._spool = spool
        self._draining, self._leaving = threading.Event(), threading.Event()
        self._failures = 0
        self._has_tried_last = False
        self._in_hand: list[Entry] = []
        self.cursor = self.taken = 0

    def open(self) -> None:
        """Get the sink ready in the caller's thread, so that what is wrong with it is said at start."""
        self.cursor = self.taken = self.sink.open(self._spool.start)

    def drain(self) -> None:
        """Deliver what the spool holds, then end; a sink that keeps failing is left, never without a last attempt."""
        self._draining.set()
        self._spool.wake()

    def leave(self) -> None:
        """Commit what is in hand, then end; the rest waits in the spool."""
        self._leaving.set()
        self.drain()

    def missed(self, entry: Entry) -> None:
        """The spool dropped `entry` before it was taken."""
        if entry.sequence > self.taken:
            self.dropped += entry.records

    def lag_s(self) -> float:
        """Age of the oldest batch not committed."""
        entry = self._spool.after(self.cursor)
        return max(0.0, time.time() - entry.written_ns / 1e9) if entry else 0.0

    def waiting(self) -> int:
        """Records of the spool that are not committed, whoever put them there."""
        return self._spool.records_after(self.cursor)

    def run(self) -> None:
        """Deliver until drained, gone, or failing while draining."""
        try:
            while self._go_on():
                self._attempt()
        finally:
            self.sink.close()
            self._spool.wake()

    def _go_on(self) -> bool:
        if not self._draining.is_set():
            return True
        if self._leaving.is_set():
            return bool(self._in_hand) and not self._failures
        if self._failures >= LAST_ATTEMPTS and self._has_tried_last:
            return False
        return bool(self._in_hand) or self._spool.after(self.taken) is not None

    def _attempt(self) -> None:
        try:
            self._step()
        except Gone as gone:
            self._give_up(str(gone))
        except Exception as error:  # noqa: BLE001 - whatever a sink's library raises is that sink's failure
            self._failed(error)

    def _step(self) -> None:
        is_leaving = self._leaving.is_set()
        entry = self._spool.after(self.taken, 0.0 if self._draining.is_set() else LOOK_S)
        if entry is not None and not is_leaving:
            self._take(entry)
        is_idle = is_leaving or self._spool.after(self.taken) is None
        if self._in_hand and (self.sink.due(idle=is_idle) or (is_idle and self._draining.is_set())):
            self._flush()
        self.sink.tidy()

    def _take(self, entry: Entry) -> None:
        if not self._spool.claim(entry, lambda: setattr(self, "taken", entry.sequence)):
            return
        try:
            batch = self._spool.read(entry)
        except FileNotFoundError:
            self.dropped += entry.records
            if not self._in_hand:
                self.cursor = entry.sequence
            return
        if batch is not None:
            self._in_hand.append(entry)
            self.sink.add(entry.sequence, batch)
        elif not self._in_hand:
            self.cursor = entry.sequence

    def _flush(self) -> None:
        self.sink.flush()
        self.cursor = self.taken
        self.records += sum(entry.records for entry in self._in_hand)
        self._in_hand.clear()
        if self._failures:
            log.info("sink works again", sink=self.sink_name)
        self._failures, self.error = 0, None

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._has_tried_last = self._draining.is_set()
        self.errors += 1
        self.error = in_words(error, self._place)
        wait_s = min(BACKOFF_FIRST_S * 2 ** min(self._failures - 1, DOUBLINGS), BACKOFF_LONGEST_S)
        wait_s = max(wait_s, getattr(error, "wait_s", 0.0))
        say = log.warning if self._failures == 1 else log.debug
        say("sink failed, trying again", sink=self.sink_name, error=self.error)
        self.dropped += sum(entry.records for entry in self._in_hand if not self._spool.holds(entry))
        self._in_hand.clear()
        self.taken = self.cursor
        self._quietly_discard()
        if self._draining.is_set():
            time.sleep(min(wait_s, 1.0))
        else:
            self._draining.wait(wait_s)

    def _quietly_discard(self) -> None:
        try:
            self.sink.discard()
        except Exception as error:  # noqa: BLE001 - the next attempt will meet it again
            self.error = in_words(error, self._place)

    def _give_up(self, why: str) -> None:
        log.info("sink ended", sink=self.sink_name, why=why)
        self.error = why
        self._in_hand.clear()
        self.cursor = self.taken = 1 << 62
