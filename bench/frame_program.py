"""The XDP program that makes the sender's frames: when one is due, which flow's and how large, its sequence number.

Of its registers 6 is the context, 7 the state, 8 the frame, 9 the frame's flow and then its size.
"""

from typing import NamedTuple

from bench import bpf

HEADS = 54  # octets of Ethernet, IPv4 and TCP
SOURCE = 0x0A000000
CATCH_UP_NS = 1_000_000  # a sender that was away for longer does not make up for it
STATE = "<QQQ"  # when the next is due, frames, octets
KEY, FLOW = -4, -8  # on the stack


class Connections(NamedTuple):
    """How many, the map of what each has sent, and the sequence number all began with."""

    flows: int
    sent: int
    begin: int


def program(state, connections, sizes, pps, packets):
    """The descriptor of one that sends so many frames of these sizes at that rate; 0: no bound."""
    made = bpf.Program()
    made.put(bpf.MOVE, 6, 1)
    made.put(bpf.PUT4, 10, 0, KEY, 0)
    made.entry(state, KEY, "drop")
    made.put(bpf.MOVE, 7, 0)
    if packets:
        made.put(bpf.LOAD8, 1, 7, 8)
        made.jump(bpf.IF_AT_LEAST, "drop", 1, number=packets)
    if pps:
        paced(made, 10**9 // pps)
    chosen_flow(made, connections.flows)
    chosen_size(made, sizes)
    counted(made)
    written(made, connections)
    made.label("pass")
    made.put(bpf.SET, 0, number=bpf.PASS)
    made.put(bpf.EXIT)
    made.label("drop")
    made.put(bpf.SET, 0, number=bpf.DROP)
    made.put(bpf.EXIT)
    return made.load()


def paced(made, gap_ns):
    """Nothing is sent before it is due: the kernel turns in the loop meanwhile."""
    made.call(bpf.KTIME_GET_NS)
    made.put(bpf.LOAD8, 1, 7, 0)
    made.jump(bpf.IF_BELOW_IT, "drop", 0, 1)
    made.put(bpf.MOVE, 2, 1)
    made.put(bpf.ADD_TO, 2, number=CATCH_UP_NS)
    made.jump(bpf.IF_AT_MOST_IT, "in time", 0, 2)
    made.put(bpf.MOVE, 1, 0)
    made.label("in time")
    made.put(bpf.ADD_TO, 1, number=gap_ns)
    made.put(bpf.STORE8, 7, 1, 0)


def chosen_flow(made, flows):
    """Each in turn once, then any of them."""
    made.put(bpf.LOAD8, 9, 7, 8)
    made.jump(bpf.IF_BELOW, "in turn", 9, number=flows)
    made.call(bpf.PRANDOM)
    made.put(bpf.MOVE4, 9, 0)
    made.put(bpf.MODULO4, 9, number=flows)
    made.label("in turn")
    made.put(bpf.STORE4, 10, 9, FLOW)


def chosen_size(made, sizes):
    """By weight; the frame is cut from the largest."""
    largest = max(size for size, _ in sizes)
    made.put(bpf.SET, 9, number=largest)
    if len(sizes) > 1:
        made.call(bpf.PRANDOM)
        made.put(bpf.MODULO4, 0, number=sum(weight for _, weight in sizes))
        below = 0
        for size, weight in sizes:
            below += weight
            made.put(bpf.SET, 9, number=size)
            made.jump(bpf.IF_BELOW, "chosen", 0, number=below)
        made.label("chosen")
        made.put(bpf.MOVE, 1, 6)
        made.put(bpf.MOVE, 2, 9)
        made.put(bpf.TAKE_FROM, 2, number=largest)
        made.call(bpf.ADJUST_TAIL)
    made.put(bpf.LOAD4, 8, 6, 0)
    made.put(bpf.LOAD4, 1, 6, 4)
    made.put(bpf.MOVE, 2, 8)
    made.put(bpf.ADD_TO, 2, number=HEADS)
    made.jump(bpf.IF_ABOVE_IT, "drop", 2, 1)


def counted(made):
    """One frame more, and its octets."""
    made.put(bpf.LOAD8, 1, 7, 8)
    made.put(bpf.ADD_TO, 1, number=1)
    made.put(bpf.STORE8, 7, 1, 8)
    made.put(bpf.LOAD8, 1, 7, 16)
    made.put(bpf.ADD, 1, 9)
    made.put(bpf.STORE8, 7, 1, 16)


def written(made, connections):
    """Length, source and sequence number."""
    made.put(bpf.MOVE, 1, 9)
    made.put(bpf.TAKE_FROM, 1, number=14)
    made.put(bpf.NETWORK_ORDER, 1, number=16)
    made.put(bpf.STORE2, 8, 1, 16)
    made.put(bpf.LOAD4, 1, 10, FLOW)
    made.put(bpf.ADD4_TO, 1, number=SOURCE)
    made.put(bpf.NETWORK_ORDER, 1, number=32)
    made.put(bpf.STORE4, 8, 1, 26)
    made.entry(connections.sent, FLOW, "pass")
    made.put(bpf.LOAD4, 1, 0, 0)
    made.put(bpf.MOVE, 2, 1)
    made.put(bpf.ADD, 2, 9)
    made.put(bpf.TAKE_FROM, 2, number=HEADS)
    made.put(bpf.STORE4, 0, 2, 0)
    made.put(bpf.ADD4_TO, 1, number=connections.begin)
    made.put(bpf.NETWORK_ORDER, 1, number=32)
    made.put(bpf.STORE4, 8, 1, 38)
