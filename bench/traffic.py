"""Captures to measure with: the large synthetic one, the first part of one, several of one in a row."""

import random
import struct
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SYNTH = ROOT.parent / "shared" / "tools" / "synth.py"
START_S = 1_700_000_000


def large(path, packets, flows, *words):
    """A capture of full-size packets of many flows (Zipf), a minute long; what made it, in a word."""
    if SYNTH.is_file():
        command = [sys.executable, SYNTH, path, "--packets", packets, "--flows", flows, *words]
        subprocess.run([str(word) for word in command], check=True, stderr=subprocess.DEVNULL)
        return "synth.py"
    path.write_bytes(header() + b"".join(plain(packets, flows, 60.0, (60, 590, 1514), (7, 4, 1))))
    return "bench/traffic.py"


def header():
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


def plain(packets, flows, seconds, sizes, shares, seed=1):
    """Records of UDP and TCP flows of even popularity."""
    rng, pick = random.Random(seed), random.Random(seed).choices
    known = [heads(rng, number) for number in range(flows)]
    for number in range(packets):
        flow = number if number < flows else rng.randrange(flows)
        size = pick(sizes, shares)[0]
        micros = int(number * seconds * 1e6 / packets)
        stamp = struct.pack("<IIII", START_S + micros // 10**6, micros % 10**6, size, size)
        link, rest = known[flow]
        yield stamp + link + struct.pack(">H", size - 14) + rest + bytes(size - 54)


def heads(rng, number):
    """Ethernet and IPv4 up to the length, and what follows it up to byte 54, of a flow."""
    proto, port = (6, 443) if rng.random() < 0.8 else (17, 53)
    ends = struct.pack(">II", 0xC6120000 + number, 0xC6130000 + number % 4000)
    ports = struct.pack(">HH", 1024 + number % 60000, port)
    tcp = struct.pack(">IIBBHHH", 1, 1, 0x50, 0x10, 0xFFFF, 0, 0)
    udp = struct.pack(">HH", 0, 0) + bytes(12)
    link = bytes.fromhex("020000000002020000000001") + b"\x08\x00\x45\x00"
    return link, struct.pack(">HHBBH", 0, 0x4000, 64, proto, 0) + ends + ports + (tcp if proto == 6 else udp)


def head(path, packets):
    """The first so many packets of a capture."""
    whole = np.fromfile(path, np.uint8)
    out = path.with_suffix(f".{packets}.pcap")
    whole[: next(islice(records(whole), packets, None), len(whole))].tofile(out)
    return out


def repeated(path, more):
    """The capture and so many copies, each after the end of the one before and over a minute after its start."""
    whole = np.fromfile(path, np.uint8)
    stamps = np.asarray(list(records(whole)))[:, None] + np.arange(4)
    seconds = whole[stamps].view("<u4")
    later_s = np.uint32(max(int(seconds.max() - seconds[0, 0]) + 1, 61))
    out = path.with_suffix(f".{more}-more.pcap")
    with out.open("wb") as file:
        whole.tofile(file)
        for _ in range(more):
            seconds += later_s
            whole[stamps] = seconds.view(np.uint8).reshape(stamps.shape)
            whole[24:].tofile(file)
    return out


def records(whole):
    """Where each record begins."""
    at, octets, length = 24, memoryview(whole), struct.Struct("<I").unpack_from
    while at < len(octets):
        yield at
        at += 16 + length(octets, at + 8)[0]


def touch(path):
    """Have it in the page cache."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
