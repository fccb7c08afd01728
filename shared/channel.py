"""Control channel between processes: msgpack maps and file descriptors over a SOCK_SEQPACKET pair.

Commands carry `do`, reports carry `did`; docs/architecture.md lists them all.
"""

import array
import socket
from collections.abc import Sequence
from typing import Any

import msgpack

MESSAGE_LIMIT_BYTES = 128 << 10
DESCRIPTORS_LIMIT = 250
NAMES = "surrogateescape"  # a file's name may be any bytes


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends; both close-on-exec until handed on."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(sock: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one map with at most DESCRIPTORS_LIMIT descriptors. OSError when the other end is gone."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    sock.sendmsg([msgpack.packb(message, unicode_errors=NAMES)], ancillary)


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next map and its descriptors; None when the other end has closed. BlockingIOError as the socket's."""
    room = socket.CMSG_SPACE(DESCRIPTORS_LIMIT * array.array("i").itemsize)
    try:
        data, ancillary, _flags, _address = sock.recvmsg(MESSAGE_LIMIT_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:  # told once, when it closed without reading all; its last words still queue
        data, ancillary, _flags, _address = sock.recvmsg(MESSAGE_LIMIT_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, body in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(body[: len(body) - len(body) % descriptors.itemsize])
    if not data:
        return None
    return msgpack.unpackb(data, unicode_errors=NAMES), list(descriptors)
