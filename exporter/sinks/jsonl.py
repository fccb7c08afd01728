"""JSON lines to a file or pipe; the file's length is committed with the cursor: no line lost or doubled."""

import contextlib
import json
import os
import stat
from urllib.parse import quote

from exporter.disk import replace_file, write_all
from exporter.json_lines import parts
from exporter.sinks.base import Gone, Place
from shared.record import Batch

FLUSH_BYTES = 4 << 20


class Jsonl:
    """Writes to the descriptor the supervisor opened. Its cursor is a file in the spool folder."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._descriptor = place.descriptor if place.descriptor >= 0 else 1
        self._cursor_path = place.spool_dir / f"cursor-{quote(place.order.name, safe='')}"
        self._sequence = 0
        self._offset = 0
        self._lines: list[memoryview] = []
        self._bytes = 0

    @staticmethod
    def warm() -> None:
        """Nothing to import."""

    def open(self, start: int) -> int:
        """Cut the file back to what was committed."""
        self._is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        os.set_blocking(self._descriptor, True)
        committed = self._committed()
        if committed is None:
            self._sequence, self._offset = start, self._size()
            self._commit()
        else:
            self._sequence, self._offset = committed
        self._cut_back()
        return self._sequence

    def add(self, sequence: int, batch: Batch) -> None:
        """Format one batch."""
        text = parts(batch)
        self._lines += text
        self._bytes += sum(map(len, text))
        self._sequence = sequence

    def due(self, *, idle: bool) -> bool:
        """When nothing more waits, or enough is at hand."""
        return idle or self._bytes >= FLUSH_BYTES

    def flush(self) -> None:
        """Write the lines, then the cursor: a kill between the two is undone by `open`."""
        try:
            written = write_all(self._descriptor, self._lines)
        except BrokenPipeError as error:
            raise Gone(f"the reader of {self._place.order.name} has closed it") from error
        if self._is_file and self._place.orders.durable:
            os.fdatasync(self._descriptor)
        self._offset += written
        self._forget()
        self._commit()

    def discard(self) -> None:
        """Drop the lines at hand and those half written."""
        self._forget()
        committed = self._committed()
        if committed is not None:
            self._sequence, self._offset = committed
        self._cut_back()

    def tidy(self) -> None:
        """Nothing: who reads the file also removes it."""

    def figures(self) -> dict[str, int]:
        """None of its own."""
        return {}

    def close(self) -> None:
        """Close the file or pipe, so that its reader sees the end."""
        os.close(self._descriptor)

    def _forget(self) -> None:
        self._lines.clear()
        self._bytes = 0

    def _size(self) -> int:
        return os.fstat(self._descriptor).st_size if self._is_file else 0

    def _cut_back(self) -> None:
        if self._is_file and self._size() > self._offset:
            os.ftruncate(self._descriptor, self._offset)
        with contextlib.suppress(OSError):
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def _commit(self) -> None:
        cursor = {"sequence": self._sequence, "offset": self._offset, "file": self._file()}
        replace_file(self._cursor_path, json.dumps(cursor).encode(), durable=self._place.orders.durable)

    def _committed(self) -> tuple[int, int] | None:
        """Sequence and offset; in a file that was moved away or emptied meanwhile, lines go on at its end."""
        try:
            cursor = json.loads(self._cursor_path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        same = cursor["file"] == self._file() and cursor["offset"] <= self._size()
        return cursor["sequence"], cursor["offset"] if same else self._size()

    def _file(self) -> list[int]:
        seen = os.fstat(self._descriptor)
        return [seen.st_dev, seen.st_ino]
