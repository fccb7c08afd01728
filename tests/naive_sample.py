"""Sampling and translation in plain Python: the oracle of kernels and of the filter program (shared/sampling.py)."""

import struct

from tests.naive_frames import PORTED

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


def translated(p, translate):
    """The packet with ends that stand for others; the last of equal ones wins, ports only where there are any."""
    ends = {}
    for version, high, low, port, *to, to_port in translate:
        ends[version, address(version, high, low), port] = (address(version, *to), to_port)
    src, dst = ((p.version, p.src, p.sport), (p.version, p.dst, p.dport))
    p.src, sport = ends.get(src, src[1:])
    p.dst, dport = ends.get(dst, dst[1:])
    if p.proto in PORTED:
        p.sport, p.dport = sport, dport
    return p


def address(version, high, low):
    return struct.pack(">QQ", high, low)[12 if version == 4 else 0 :]
