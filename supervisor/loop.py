"""The one wait of the supervisor: descriptors and their callbacks, and signals as bytes on a pipe."""

import os
import selectors
import signal
from collections.abc import Callable, Iterable
from types import FrameType


class Loop:
    """Calls back whoever waits for a readable descriptor; one turn at a time."""

    def __init__(self) -> None:
        self._selector = selectors.EpollSelector()

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `fd` can be read."""
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def watch_room(self, fd: int, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `fd` can be written, and no more when it can be read."""
        self.forget(fd)
        self._selector.register(fd, selectors.EVENT_WRITE, callback)

    def forget(self, fd: int) -> None:
        """Stop watching `fd`; call before closing it."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def turn(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` and call back everyone who is due."""
        for key, _events in self._selector.select(max(timeout_s, 0.0)):
            if self._selector.get_map().get(key.fd) is key:  # an earlier callback may have forgotten it
                key.data()

    def close(self) -> None:
        """Let go of the epoll descriptor."""
        self._selector.close()


def _only_wakes(_number: int, _frame: FrameType | None) -> None:
    """Python writes the signal's number to the wake-up descriptor; the loop does the rest."""


def catch_signals(loop: Loop, numbers: Iterable[int], heard: Callable[[int], None]) -> None:
    """Have each of `numbers` arrive as `heard(number)` inside the loop."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, _only_wakes)

    def read() -> None:
        for number in os.read(reader, 64):
            heard(number)

    loop.watch(reader, read)
