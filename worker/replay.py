"""Capture files instead of an interface: each in turn, with a table and a clock of its own; nothing is dropped."""

import os

from shared.vitals import INDEX
from worker.capture.files import CaptureError, FileSource, new_window
from worker.recovery import forget_time
from worker.run import Worker
from worker.spec import Spec

CURSOR_BLOCK, CURSOR_OFFSET, IN_HAND = INDEX["cursor_block"], INDEX["cursor_offset"], INDEX["in_hand"]


class Replay(Worker):
    """The worker of one replay; its cursor is the file's number and the offset in it."""

    def __init__(self, spec: Spec, core: int | None) -> None:
        super().__init__(spec, core)
        self._window = new_window()

    def work(self) -> None:
        """From the file where a predecessor stopped to the last; then wait until all is acknowledged."""
        self.life.say(did="capturing", core=self.core, sandbox=self.confine())
        for index in range(int(self.words[CURSOR_BLOCK]), len(self.spec.files)):
            if not self.life.is_draining:
                self._file(index)
        self.drain()

    def _file(self, index: int) -> None:
        name = self.spec.files[index]
        self.outlet.rename(os.fsencode(name.rpartition("/")[2]).decode(errors="replace"))
        packets, why = 0, None
        try:
            with os.fdopen(self.spec.sources[index], "rb", buffering=0) as file:
                source = FileSource(file, int(self.words[CURSOR_OFFSET]), self._window)
                while not source.ended and not self.life.is_draining:
                    self.step(source)
                packets, why = source.packets, source.damage
        except CaptureError as error:
            why = str(error)
        self.end_flows()
        self._close(index)
        self.life.say(did="file", index=index, name=name, packets=packets, why=why)

    def _close(self, index: int) -> None:
        """Flows, clock and cursor of a file are its own; its records are on their way while the next one is read."""
        self.outlet.pump(urgent=True)
        forget_time(self.table)
        self.words[IN_HAND] = self.words[CURSOR_OFFSET] = 0
        self.words[CURSOR_BLOCK] = index + 1
