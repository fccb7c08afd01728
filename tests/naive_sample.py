"""The sampling hash in plain Python, from its description in shared/sampling.py: the oracle of kernel and program."""

import struct

WORD = 0xFFFFFFFF


def is_sampled(p, sample, key):
    """Whether the flow of a tests.naive_frames.Packet is kept."""
    ends = [end(p.src, p.sport, p.proto, key & WORD), end(p.dst, p.dport, p.proto, key & WORD)]
    return mixed((sum(ends) & WORD) ^ key >> 32) < (1 << 32) // sample


def end(address, port, proto, key):
    for word in (*struct.unpack(f">{len(address) // 4}I", address), proto << 16 | port):
        key = mixed(key ^ word)
    return key


def mixed(h):
    h = (h ^ h >> 16) * 0x7FEB352D & WORD
    h = (h ^ h >> 15) * 0x846CA68B & WORD
    return h ^ h >> 16
