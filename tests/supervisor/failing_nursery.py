"""A nursery whose kernels cannot be made."""

import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared import channel

if __name__ == "__main__":
    sock = socket.socket(fileno=int(sys.argv[1]))
    channel.receive(sock)
    channel.send(sock, {"did": "failed", "name": "", "why": "the kernels cannot be made: no such processor"})
    sys.exit(1)
