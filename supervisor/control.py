"""The control socket: one line of JSON asks, one answers; `flowherd status` asks."""

import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from shared.errors import FlowherdError
from supervisor.loop import Loop

NAME = "control.sock"
REQUEST_BYTES = 4096
PATIENCE_S = 1.0


class Control:
    """Answers whoever may open the socket (mode 0600)."""

    def __init__(self, folder: Path, loop: Loop, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._path, self._loop, self._answer = folder / NAME, loop, answer
        self._path.unlink(missing_ok=True)
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self._sock.bind(str(self._path))
        finally:
            os.umask(before)
        self._sock.listen(8)
        loop.watch(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Nobody is at home any more."""
        self._loop.forget(self._sock.fileno())
        self._sock.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        caller, _ = self._sock.accept()
        self._loop.watch(caller.fileno(), lambda: self._serve(caller))

    def _serve(self, caller: socket.socket) -> None:
        self._loop.forget(caller.fileno())
        with caller, suppress(OSError):
            caller.settimeout(PATIENCE_S)
            caller.sendall(json.dumps(self._reply(caller.recv(REQUEST_BYTES))).encode() + b"\n")

    def _reply(self, request: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(request)
        except ValueError:
            return {"error": "not a line of JSON"}
        return self._answer(asked) if isinstance(asked, dict) else {"error": "not a map"}


def ask(runtime_dir: str, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the running instance."""
    path = Path(runtime_dir, NAME)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5.0)
        try:
            sock.connect(str(path))
            sock.sendall(json.dumps(request).encode() + b"\n")
            answer = b"".join(iter(lambda: sock.recv(1 << 16), b""))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise FlowherdError(f"no flowherd is running here (nobody answers at {path})") from error
        except PermissionError as error:
            raise FlowherdError(f"{path}: only root may ask; run it with sudo") from error
        except OSError as error:
            raise FlowherdError(f"{path}: the running flowherd does not answer: {error}") from error
    if not answer:
        raise FlowherdError(f"{path}: the running flowherd ended before it answered")
    reply: dict[str, Any] = json.loads(answer)
    return reply
