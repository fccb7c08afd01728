"""What the kernel says of a program's capture socket: packets taken, packets dropped; for every program alike."""

import ctypes
import os
import re
import socket
import struct
from contextlib import suppress
from pathlib import Path

from bench import tree

SOL_PACKET, PACKET_STATISTICS = 263, 6
PIDFD_GETFD = 438
READ = re.compile(r"PACKET_STATISTICS, {tp_packets=(\d+), tp_drops=(\d+)")
CALL = ctypes.CDLL(None, use_errno=True).syscall


class Tap:
    """The capture sockets of a process and of those below it; to read their counts sets them to zero.

    `log`: strace's of a program that reads them itself, whose counts would be lost otherwise.
    """

    def __init__(self, pid, log=None):
        self.sockets = [found for one in tree.family(pid) for found in taken(one)]
        self.log, self.at = log, 0
        self.read()

    def read(self):
        """(packets that came, dropped ones among them) since it was read last; of the socket that got most."""
        most = (0, 0)
        for one in self.sockets:
            now = struct.unpack_from("=II", one.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))
            most = max(most, now)
        return tuple(map(sum, zip(most, *self.logged(), strict=True)))

    def logged(self):
        """What the program has read since."""
        text = self.log.read_text()[self.at :] if self.log and self.log.exists() else ""
        self.at += len(text)
        return [tuple(map(int, found)) for found in READ.findall(text)]

    def close(self):
        for one in self.sockets:
            one.close()


def taken(pid):
    """Copies of a process's AF_PACKET sockets."""
    with suppress(OSError):
        pidfd = os.pidfd_open(pid)
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if link.readlink().name.startswith("socket:"):
                    fd = CALL(PIDFD_GETFD, pidfd, int(link.name), 0)
                    one = socket.socket(fileno=fd) if fd >= 0 else None
                    if one and one.family == socket.AF_PACKET:
                        yield one
                    elif one:
                        one.close()
        os.close(pidfd)
