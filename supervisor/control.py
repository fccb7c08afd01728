"""The control socket: one line of JSON asks, one answers; status, reload and restart ask.

Nothing a caller does keeps the loop waiting: all is without blocking, and whoever takes longer than PATIENCE_S is left.
"""

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError, Exit, FlowherdError
from shared.settings import HostSettings
from supervisor.loop import Loop

NAME = "control.sock"
ROOTS = Path(HostSettings().runtime_dir, NAME)
PATH_BYTES = 107  # sun_path has 108 with the zero at its end, man 7 unix
REQUEST_BYTES = 4096
CALLERS = 16
PATIENCE_S = 5.0
ANSWER_S = 20.0
Answer = Callable[[dict[str, Any]], dict[str, Any]]


class NobodyError(FlowherdError):
    """No flowherd is there to be asked."""


class Caller:
    """One connection: a line in, a line out, and it is over."""

    def __init__(self, sock: socket.socket, loop: Loop, answer: Answer) -> None:
        self._sock, self._loop, self._answer = sock, loop, answer
        self._said, self._reply = b"", b""
        self.until_s = time.monotonic() + PATIENCE_S
        sock.setblocking(False)
        loop.watch(sock.fileno(), self._read)

    @property
    def is_gone(self) -> bool:
        """Answered, or left."""
        return self._sock.fileno() < 0

    def leave(self) -> None:
        """Enough of it."""
        if not self.is_gone:
            self._loop.forget(self._sock.fileno())
            self._sock.close()

    def _read(self) -> None:
        try:
            data = self._sock.recv(REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.leave()
            return
        self._said += data
        if not data or b"\n" in data or len(self._said) > REQUEST_BYTES:
            self._reply = json.dumps(self._answered()).encode() + b"\n"
            self._loop.watch_room(self._sock.fileno(), self._write)

    def _answered(self) -> dict[str, Any]:
        line, end, _ = self._said.partition(b"\n")
        if not end:
            return {"error": f"not a line of at most {REQUEST_BYTES} bytes"}
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            return {"error": "not a line of JSON"}
        if not isinstance(asked, dict):
            return {"error": "not a map"}
        try:
            return self._answer(asked)
        except FlowherdError as error:
            return {"error": str(error), "code": int(error.code)}
        except OSError as error:  # no descriptors, no memory: theirs to mend, and no reason for us to end
            return {"error": f"{error.filename or 'the host'}: {error.strerror or error}"}

    def _write(self) -> None:
        try:
            self._reply = self._reply[self._sock.send(self._reply) :]
        except BlockingIOError:
            return
        except OSError:
            self._reply = b""
        if not self._reply:
            self.leave()


class Control:
    """Answers whoever may open the socket (mode 0600)."""

    def __init__(self, folder: Path, loop: Loop, answer: Answer) -> None:
        self.path, self._loop, self._answer = _socket_in(folder), loop, answer
        self._callers: list[Caller] = []
        self._sock = _listening(self.path)
        self._is_listening = False
        self.tick(time.monotonic())

    @property
    def is_there(self) -> bool:
        """Whoever asks finds it."""
        return self.path.is_socket()

    def renew(self) -> None:
        """Listen anew in the place of a socket that was removed."""
        if not self.is_there:
            fresh = _listening(self.path)
            self._loop.forget(self._sock.fileno())
            self._sock.close()
            self._sock, self._is_listening = fresh, False
            self.tick(time.monotonic())

    def tick(self, now_s: float) -> None:
        """Leave whoever takes too long, and go on listening."""
        for caller in self._callers:
            if now_s >= caller.until_s:
                caller.leave()
        self._callers = [caller for caller in self._callers if not caller.is_gone]
        if not self._is_listening:
            self._is_listening = True
            self._loop.watch(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Nobody is at home any more."""
        for caller in self._callers:
            caller.leave()
        self._loop.forget(self._sock.fileno())
        self._sock.close()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        try:
            sock, _ = self._sock.accept()
        except BlockingIOError:
            return
        except OSError:  # no descriptors left: listen again at the next tick
            self._loop.forget(self._sock.fileno())
            self._is_listening = False
            return
        self._callers = [caller for caller in self._callers if not caller.is_gone]
        if len(self._callers) >= CALLERS:
            self._callers.pop(0).leave()
        self._callers.append(Caller(sock, self._loop, self._answer))


def _listening(path: Path) -> socket.socket:
    """Only root may ask."""
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(before)
    sock.listen(CALLERS)
    return sock


def _socket_in(folder: Path) -> Path:
    path = folder / NAME
    if len(os.fsencode(path)) > PATH_BYTES:
        most = PATH_BYTES - len(NAME) - 1
        raise ConfigurationError(f"runtime_dir: no socket has so long a path; {most} bytes are the most")
    return path


def _nobody(path: Path) -> str:
    """Who is not root asks in folders of their own: root's socket they can see, and no more."""
    if os.geteuid() and ROOTS.exists():
        return f"nobody answers at {path}; at {ROOTS} only root may ask, so run it with sudo"
    return f"no flowherd is running here (nobody answers at {path})"


def ask(runtime_dir: str, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the running instance; FlowherdError tells what it refuses."""
    path = _socket_in(Path(runtime_dir))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ANSWER_S)
        try:
            sock.connect(str(path))
            sock.sendall(json.dumps(request).encode() + b"\n")
            answer = b"".join(iter(lambda: sock.recv(1 << 16), b""))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NobodyError(_nobody(path)) from error
        except PermissionError as error:
            raise FlowherdError(f"{path}: only root may ask; run it with sudo") from error
        except OSError as error:
            why = error.strerror or error
            raise FlowherdError(f"{path}: the running flowherd does not answer: {why}") from error
    if not answer:
        raise FlowherdError(f"{path}: the running flowherd ended before it answered")
    reply: dict[str, Any] = json.loads(answer)
    if "error" in reply:
        refusal = FlowherdError(str(reply["error"]))
        refusal.code = Exit(reply.get("code", Exit.FAILURE))
        raise refusal
    return reply
