"""The spool: one file a batch, synced and renamed, then acknowledged, kept until every sink has it (step 9).

A file's name says all that recovery needs: SEQUENCE-EPOCH-NEXT-RECORDS.batch, NEXT being the number of the
record expected after it. When the last file of an epoch is no longer needed it is emptied instead of removed:
its name is the memory of what was acknowledged, and of the last sequence given.
"""

import contextlib
import os
import secrets
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from exporter.disk import replace_file, sync_folder, write_all
from exporter.log import log
from exporter.spoolfile import Entry, SpoolError, decode, encode
from shared.record import Batch
from shared.wire import Message

STONE_AGE_S = 7 * 86400.0
HOUR_S = 3600.0


class Spool:
    """Entries in order of sequence. Written by the intake's thread, read by every sink's."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder, self.place = folder, str(folder)
        self.durable = durable
        self.corrupt_files = 0
        self.corrupt_records = 0
        self.bytes = 0
        self._floor = 0
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._unsynced: list[Entry] = []
        self._newest: dict[int, Entry] = {}
        self._forget_s = time.monotonic() + HOUR_S
        self._recover()
        self.identity = self._identity()

    # -- what is known ---------------------------------------------------------------------------------------

    @property
    def last(self) -> int:
        """Sequence of the newest batch, 0 when there never was one."""
        return max((entry.sequence for entry in self._newest.values()), default=0)

    @property
    def start(self) -> int:
        """The sequence before the oldest batch held: a sink without a cursor gets all that others still wait for.

        Its store was removed, or it is new: had it begun after the newest, what waits would be lost uncounted.
        """
        return self._entries[0].sequence - 1 if self._entries else self.last

    def acknowledged(self, epoch: int) -> int | None:
        """Number of the record expected next from `epoch`; None when the epoch is new."""
        entry = self._newest.get(epoch)
        return None if entry is None else entry.next

    def after(self, sequence: int, timeout_s: float = 0.0) -> Entry | None:
        """The first entry beyond `sequence`, waited for at most `timeout_s`."""
        with self._changed:
            if not self._entries or self._entries[-1].sequence <= sequence:
                self._changed.wait(timeout_s)
            index = bisect_right(self._entries, sequence, key=_sequence)
            return self._entries[index] if index < len(self._entries) else None

    def records_after(self, sequence: int) -> int:
        """How many records are in the entries beyond `sequence`."""
        with self._changed:
            index = bisect_right(self._entries, sequence, key=_sequence)
            return sum(entry.records for entry in self._entries[index:])

    def holds(self, entry: Entry) -> bool:
        """Whether the entry has not been removed or set aside."""
        with self._changed:
            index = bisect_right(self._entries, entry.sequence - 1, key=_sequence)
            return index < len(self._entries) and self._entries[index].sequence == entry.sequence

    def claim(self, entry: Entry, claimed: Callable[[], None]) -> bool:
        """Run `claimed` unless the entry was dropped; the two cannot both happen."""
        with self._changed:
            if not self.holds(entry):
                return False
            claimed()
            return True

    def wake(self) -> None:
        """Let every waiting sink look again."""
        with self._changed:
            self._changed.notify_all()

    def start_after(self, sequence: int) -> None:
        """Number new batches beyond `sequence`: a cursor may be ahead of a spool emptied by hand."""
        self._floor = max(self._floor, sequence)

    # -- in --------------------------------------------------------------------------------------------------

    def put(self, message: Message, skip: int) -> None:
        """Write one batch, its first `skip` records left out. OSError: nothing was written."""
        entry = Entry(
            self._next_sequence(), message.epoch, message.first + message.records, message.records - skip
        )
        size = self._write(entry, encode(message, skip))
        entry = entry.sized(size, time.time_ns())
        self._unsynced.append(entry)

    def sync(self) -> None:
        """Make what was put durable and hand it to the sinks; only now it may be acknowledged."""
        if not self._unsynced:
            return
        if self.durable:
            sync_folder(self.folder)
        with self._changed:
            for entry in self._unsynced:
                self._admit(entry)
            self._unsynced.clear()
            self._changed.notify_all()

    def _admit(self, entry: Entry) -> None:
        former = self._newest.get(entry.epoch)
        self._newest[entry.epoch] = entry
        self._entries.append(entry)
        self.bytes += entry.size_bytes
        if former is not None and not self.holds(former):
            with contextlib.suppress(OSError):
                self._unlink(former)

    def _next_sequence(self) -> int:
        return (self._unsynced[-1].sequence if self._unsynced else max(self.last, self._floor)) + 1

    def _write(self, entry: Entry, parts: tuple[bytes, bytes | memoryview]) -> int:
        draft = self.folder / f"{entry.name}.tmp"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            size = write_all(descriptor, parts)
            if self.durable:
                os.fdatasync(descriptor)
            draft.rename(self.folder / entry.name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return size

    # -- out -------------------------------------------------------------------------------------------------

    def read(self, entry: Entry) -> Batch | None:
        """The entry's batch; None: damaged, and set aside. FileNotFoundError: dropped meanwhile."""
        content = (self.folder / entry.name).read_bytes()
        try:
            return decode(content)
        except SpoolError as error:
            if not self.holds(entry):
                raise FileNotFoundError(entry.name) from error
            self._set_aside(entry)
            say = log.error if self.corrupt_files == 1 else log.debug  # another version's may be thousands
            say("spool file set aside, those that follow are only counted", file=entry.name, why=error)
            return None

    def release(self, sequence: int) -> None:
        """Every sink has what is up to `sequence`: remove it."""
        with self._changed:
            index = bisect_right(self._entries, sequence, key=_sequence)
            done, self._entries = self._entries[:index], self._entries[index:]
            for entry in done:
                self._remove(entry)

    def keep_within(self, limit_bytes: int, age_s: float, dropped: Callable[[Entry], None]) -> None:
        """Remove the oldest entries beyond the budget, and say so while no sink can take them."""
        oldest_ns = time.time_ns() - int(age_s * 1e9)
        while self._entries and (self.bytes > limit_bytes or self._entries[0].written_ns < oldest_ns):
            with self._changed:
                entry = self._entries.pop(0)
                self._remove(entry)
                dropped(entry)

    def forget(self) -> None:
        """Once an hour: epochs of which nothing has come for so long. What they sent is acknowledged by now.

        Each container's interface has one, and a file to remember it by.
        """
        if time.monotonic() < self._forget_s:
            return
        self._forget_s = time.monotonic() + HOUR_S
        self._forget_stones([e for e in self._newest.values() if not self.holds(e)], HOUR_S)

    def _set_aside(self, entry: Entry) -> None:
        with self._changed:
            if not self.holds(entry):
                return
            self._entries.remove(entry)
            self.bytes -= entry.size_bytes
            self.corrupt_files += 1
            self.corrupt_records += entry.records
        path = self.folder / entry.name
        path.rename(path.with_suffix(".corrupt"))
        if self._newest.get(entry.epoch) is entry:
            path.touch(mode=0o600)

    def _remove(self, entry: Entry) -> None:
        """Where the disk does not let us, the file is found at the next start: the cursors are beyond it."""
        self.bytes -= entry.size_bytes
        with contextlib.suppress(OSError):
            if self._newest.get(entry.epoch) is entry:
                os.truncate(self.folder / entry.name, 0)
            else:
                self._unlink(entry)

    def _unlink(self, entry: Entry) -> None:
        (self.folder / entry.name).unlink(missing_ok=True)

    def kept(self) -> list[tuple[int, int]]:
        """Epochs, and the number of the record that follows the last one kept of each."""
        return [(epoch, entry.next) for epoch, entry in self._newest.items()]

    # -- start -----------------------------------------------------------------------------------------------

    def _recover(self) -> None:
        for draft in self.folder.glob("*.tmp"):
            draft.unlink()
        found = sorted(_entries_in(self.folder), key=_sequence)
        self._newest = {entry.epoch: entry for entry in found}
        self._entries = [entry for entry in found if entry.size_bytes]
        self.bytes = sum(entry.size_bytes for entry in self._entries)
        self._forget_stones([entry for entry in found if not entry.size_bytes], STONE_AGE_S)

    def _forget_stones(self, stones: Iterable[Entry], age_s: float) -> None:
        """All but the newest of each epoch, and those as well when they are old; the last sequence stays known."""
        oldest_ns, last = time.time_ns() - int(age_s * 1e9), self.last
        for entry in stones:
            is_newest = self._newest.get(entry.epoch) is entry
            if not is_newest or (entry.written_ns < oldest_ns and entry.sequence != last):
                with contextlib.suppress(OSError):
                    self._unlink(entry)
                if is_newest:
                    del self._newest[entry.epoch]

    def _identity(self) -> str:
        """A name given once: cursors that live elsewhere (in the store) tell this spool from others by it."""
        path = self.folder / "identity"
        if not path.exists():
            replace_file(path, secrets.token_hex(8).encode(), durable=self.durable)
        return path.read_text()


def _sequence(entry: Entry) -> int:
    return entry.sequence


def _entries_in(folder: Path) -> Iterator[Entry]:
    for path in folder.glob("*.batch"):
        entry = Entry.from_name(path.name)
        if entry is not None:
            seen = path.stat()
            yield entry.sized(seen.st_size, seen.st_mtime_ns)
