"""One child process: its channel, its pidfd, how it ended and what that means in words."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from shared import channel
from supervisor.loop import Loop

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended: exit code, or the signal that killed it."""

    code: int = 0
    signal: int = 0

    @property
    def is_clean(self) -> bool:
        """It ended by itself with 0."""
        return not (self.code or self.signal)

    def explain(self, killed_by_us: str = "") -> str:
        """One clause for the log."""
        if killed_by_us:
            return killed_by_us
        if self.signal == signal.SIGKILL:
            return "killed by SIGKILL, by hand or because memory ran out"
        if self.signal:
            return f"killed by {signal.Signals(self.signal).name}"
        return f"ended with exit code {self.code}"


class Listener(Protocol):
    """Who hears what a child says and how it ended."""

    def heard(self, child: "Child", message: Message, /) -> None:
        """The child sent a message."""

    def ended(self, child: "Child", end: End, /) -> None:
        """The child is gone, and so are its last words heard."""


class Child:
    """A nursery, an exporter or a worker; a worker's pid is learnt after its channel."""

    def __init__(self, name: str, sock: socket.socket, loop: Loop, listener: Listener) -> None:
        self.name, self.pid, self.killed_by_us, self.messages = name, 0, "", 0
        self._is_abandoned = False
        self._sock, self._loop, self._listener, self._pidfd = sock, loop, listener, -1
        sock.setblocking(False)
        loop.watch(sock.fileno(), self._read)

    @property
    def is_silent(self) -> bool:
        """It has closed its channel."""
        return self._sock.fileno() < 0

    def adopt(self, pid: int) -> None:
        """Wait for this process, a child of ours, from now on."""
        try:
            self.pid, self._pidfd = pid, os.pidfd_open(pid)
        except ProcessLookupError:  # it died and was buried before we heard of it
            self.abandon()
            return
        self._loop.watch(self._pidfd, self._reap)

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> bool:
        """Say something; False when the child is gone. One that has stopped reading is killed."""
        try:
            channel.send(self._sock, message, descriptors)
        except BlockingIOError:
            self.kill(signal.SIGKILL, "it stopped reading its messages")
            return False
        except OSError:
            return False
        return True

    def kill(self, number: int, why: str = "") -> None:
        """Send a signal by pidfd, so that no stranger with a recycled pid is hit."""
        self.killed_by_us = why or self.killed_by_us
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def abort(self, why: str) -> None:
        """End it with its stack in the log, also when it was stopped: a stopped process would not get the signal."""
        self.kill(signal.SIGABRT, why)
        self.kill(signal.SIGCONT)

    def stand_on(self, core: int) -> bool:
        """Run on this core from now on; False when it stays where it is: gone, not born, or not ours to move."""
        if self._pidfd >= 0:
            with suppress(OSError):
                os.sched_setaffinity(self.pid, {core})
                return True
        return False

    def hang_up(self) -> None:
        """Close the channel: the child takes it as an order to end."""
        if not self.is_silent:
            self._loop.forget(self._sock.fileno())
            self._sock.close()

    def abandon(self) -> None:
        """Nobody will tell us its pid: whether it was born or not, it is over once it closes its channel."""
        self._is_abandoned = True
        if self.is_silent:
            self._listener.ended(self, End(code=1))
        else:
            self._sock.shutdown(socket.SHUT_WR)

    def _read(self) -> None:
        try:
            received = channel.receive(self._sock)
        except BlockingIOError:
            return
        if received is None:
            self.hang_up()
            if self._is_abandoned and not self.pid:
                self._listener.ended(self, End(code=1))
            return
        for stray in received[1]:
            os.close(stray)
        self.messages += 1
        self._listener.heard(self, received[0])

    def _reap(self) -> None:
        result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
        if result is None:
            return
        self._loop.forget(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self._hear_last_words()
        exited = result.si_code == os.CLD_EXITED
        self._listener.ended(self, End(code=result.si_status) if exited else End(signal=result.si_status))

    def _hear_last_words(self) -> None:
        while not self.is_silent:
            try:
                received = channel.receive(self._sock)
            except BlockingIOError:  # someone else still holds the other end
                break
            if received is None:
                break
            self._listener.heard(self, received[0])
        self.hang_up()


def isolated(package: str) -> tuple[str, ...]:
    """The words that start one of our packages; -I: no stray folder on the path can stand in for it."""
    return sys.executable, "-I", "-m", package


def launch(
    words: Sequence[str], *, stderr: int | None = None, environ: Mapping[str, str] | None = None
) -> tuple[int, socket.socket]:
    """Start `words FD`: its pid and our end. It has a process group of its own, so that Ctrl-C reaches us alone."""
    ours, theirs = channel.pair()
    with theirs:
        started = subprocess.Popen(
            [*words, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=stderr if stderr is not None else sys.stderr.fileno(),
            stderr=stderr,
            pass_fds=[theirs.fileno()],
            process_group=0,
            env=environ,
        )
    started.returncode = 0  # waited for by pidfd; keeps subprocess from looking for it too
    return started.pid, ours
