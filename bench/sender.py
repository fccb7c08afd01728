"""Frames for an interface at a rate, from inside the kernel: an XDP program run over and over.

python -m bench.sender INTERFACE [--sizes 200] [--flows 65536] [--pps 0] [--packets 0] [--seconds 3]
Each frame is a segment of one of `flows` TCP connections, first each in turn, then any, in order within its connection.
"""

import argparse
import json
import signal
import socket
import struct
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import bpf
from bench.frame_program import SOURCE, STATE, Connections, program

IMIX = ((60, 7), (590, 4), (1514, 1))
SIZES = {"200": ((200, 1),), "60": ((60, 1),), "imix": IMIX}
TARGET = 0xC6130001
MANY, LOOK_S = 0x7FFFFFFF, 0.2


def frame(size):
    """The one every frame is made from."""
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, size - 14, 0, 0x4000, 64, 6, 0, SOURCE, TARGET)
    tcp = struct.pack(">HHIIBBHHH", 20_000, 8443, 1, 1, 0x50, 0x10, 0xFFFF, 0, 0)
    return (bytes.fromhex("020000000002020000000001") + b"\x08\x00" + ip + tcp).ljust(size, b"\0")


def send(interface, sizes, flows, pps, packets, seconds):
    """What was sent, in which time, with how much of a core."""
    state, begin = bpf.array(1, struct.calcsize(STATE)), time.monotonic_ns() >> 10 & 0x7FFFFFFF
    # Ahead of where a sender before this one ended: nothing is sent again.
    connections = Connections(flows, bpf.array(flows, 4), begin)
    loaded = program(state, connections, sizes, pps, packets)
    largest = frame(max(size for size, _ in sizes))
    ifindex, times = socket.if_nametoindex(interface), packets if packets and not pps else MANY
    signal.signal(signal.SIGALRM, lambda *_: None)
    looks_s = min(seconds, LOOK_S) if packets and pps else seconds
    signal.setitimer(signal.ITIMER_REAL, looks_s, looks_s)
    began, cpu = time.monotonic(), time.process_time()
    while True:
        bpf.run(loaded, largest, ifindex, times)
        took = time.monotonic() - began
        if took >= seconds - LOOK_S / 4 or 0 < packets <= bpf.value(state, 0, STATE)[1]:
            break
    cpu = time.process_time() - cpu
    _, count, octets = bpf.value(state, 0, STATE)
    return {"packets": count, "octets": octets, "seconds": took, "cpu_s": cpu}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("interface")
    parser.add_argument("--sizes", choices=SIZES, default="200")
    for name, default in (("flows", 65536), ("pps", 0), ("packets", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()
    print(
        json.dumps(send(args.interface, SIZES[args.sizes], args.flows, args.pps, args.packets, args.seconds))
    )


if __name__ == "__main__":
    main()
