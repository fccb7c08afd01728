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

IMIX = ((60, 7), (590, 4), (1514, 1))
SIZES = {"200": ((200, 1),), "60": ((60, 1),), "imix": IMIX}
HEADS = 54
SOURCE, TARGET = 0x0A000000, 0xC6130001
MANY, LOOK_S = 0x7FFFFFFF, 0.2
CATCH_UP_NS = 1_000_000  # a sender that was away for longer does not make up for it
STATE = "<QQQ"  # when the next is due, frames, octets
KEY, FLOW, SIZE = -4, -8, -16


def frame(size):
    """The one every frame is made from."""
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, size - 14, 0, 0x4000, 64, 6, 0, SOURCE, TARGET)
    tcp = struct.pack(">HHIIBBHHH", 20_000, 8443, 1, 1, 0x50, 0x10, 0xFFFF, 0, 0)
    return (bytes.fromhex("020000000002020000000001") + b"\x08\x00" + ip + tcp).ljust(size, b"\0")


def program(state, sequences, sizes, flows, pps, packets):
    """Register 6: context; 7: state; 8: the frame; 9: its flow, its size."""
    made = bpf.Program()
    made.put(0xBF, 6, 1)
    made.put(0x62, 10, 0, KEY, 0)
    made.entry(state, KEY, "drop")
    made.put(0xBF, 7, 0)
    if packets:
        made.put(0x79, 1, 7, 8)
        made.jump(0x35, "drop", 1, number=packets)
    if pps:
        paced(made, 10**9 // pps)
    chosen_flow(made, flows)
    chosen_size(made, sizes)
    counted(made)
    written(made, sequences)
    made.label("pass")
    made.put(0xB7, 0, number=bpf.PASS)
    made.put(0x95)
    made.label("drop")
    made.put(0xB7, 0, number=bpf.DROP)
    made.put(0x95)
    return made.load()


def paced(made, gap_ns):
    """Nothing is sent before it is due: the kernel turns in the loop meanwhile."""
    made.call(bpf.KTIME_GET_NS)
    made.put(0x79, 1, 7, 0)
    made.jump(0xAD, "drop", 0, 1)
    made.put(0xBF, 2, 1)
    made.put(0x07, 2, number=CATCH_UP_NS)
    made.jump(0xBD, "in time", 0, 2)
    made.put(0xBF, 1, 0)
    made.label("in time")
    made.put(0x07, 1, number=gap_ns)
    made.put(0x7B, 7, 1, 0)


def chosen_flow(made, flows):
    """Each in turn once, then any of them."""
    made.put(0x79, 9, 7, 8)
    made.jump(0xA5, "in turn", 9, number=flows)
    made.call(bpf.PRANDOM)
    made.put(0xBC, 9, 0)
    made.put(0x94, 9, number=flows)
    made.label("in turn")
    made.put(0x63, 10, 9, FLOW)


def chosen_size(made, sizes):
    """By weight; the frame is cut from the largest."""
    largest = max(size for size, _ in sizes)
    made.put(0xB7, 9, number=largest)
    if len(sizes) > 1:
        made.call(bpf.PRANDOM)
        made.put(0x94, 0, number=sum(weight for _, weight in sizes))
        below = 0
        for size, weight in sizes:
            below += weight
            made.put(0xB7, 9, number=size)
            made.jump(0xA5, "chosen", 0, number=below)
        made.label("chosen")
        made.put(0xBF, 1, 6)
        made.put(0xBF, 2, 9)
        made.put(0x17, 2, number=largest)
        made.call(bpf.ADJUST_TAIL)
    made.put(0x61, 8, 6, 0)
    made.put(0x61, 1, 6, 4)
    made.put(0xBF, 2, 8)
    made.put(0x07, 2, number=HEADS)
    made.jump(0x2D, "drop", 2, 1)


def counted(made):
    for at, step in ((8, None), (16, 9)):
        made.put(0x79, 1, 7, at)
        made.put(*((0x07, 1, 0, 0, 1) if step is None else (0x0F, 1, step)))
        made.put(0x7B, 7, 1, at)


def written(made, sequences):
    """Length, source and sequence number."""
    made.put(0xBF, 1, 9)
    made.put(0x17, 1, number=14)
    made.put(0xDC, 1, number=16)
    made.put(0x6B, 8, 1, 16)
    made.put(0x61, 1, 10, FLOW)
    made.put(0x04, 1, number=SOURCE)
    made.put(0xDC, 1, number=32)
    made.put(0x63, 8, 1, 26)
    made.entry(sequences, FLOW, "pass")
    made.put(0x61, 1, 0, 0)
    made.put(0xBF, 2, 1)
    made.put(0x0F, 2, 9)
    made.put(0x17, 2, number=HEADS)
    made.put(0x63, 0, 2, 0)
    made.put(0xDC, 1, number=32)
    made.put(0x63, 8, 1, 38)


def send(interface, sizes, flows, pps, packets, seconds):
    """What was sent, in which time, with how much of a core."""
    state, sequences = bpf.array(1, struct.calcsize(STATE)), bpf.array(flows, 4)
    loaded = program(state, sequences, sizes, flows, pps, packets)
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
