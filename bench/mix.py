"""The application mix: real captures laid over each other, many times, each time with addresses of its own."""

import os
import struct
import subprocess
import sys
from pathlib import Path

from bench import traffic

CAPTURES = Path(os.environ.get("FLOWHERD_CAPTURES", traffic.ROOT.parent / "shared" / "pcaps"))
MIX = traffic.ROOT.parent / "shared" / "tools" / "mix.py"
APART_NS = 1_000_000_000
TAGS = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")


def present():
    return CAPTURES.is_dir() and MIX.is_file()


def write(path, copies):
    """The mix, so many times, a second apart; its number of packets."""
    single = path.with_name("single.pcap")
    captures = sorted(str(name) for name in CAPTURES.rglob("*") if name.is_file() and name.suffix != ".md")
    subprocess.run([sys.executable, str(MIX), str(single), *captures], check=True, capture_output=True)
    packets = laid(single, path, copies)
    single.unlink()
    return packets


def laid(single, out, copies):
    """A capture of so many copies of one, each with addresses of its own; its number of packets."""
    content, at, rows = single.read_bytes(), 24, []
    while at < len(content):
        seconds, nanos, kept, length = struct.unpack_from("<IIII", content, at)
        rows.append((seconds * 10**9 + nanos, length, content[at + 16 : at + 16 + kept]))
        at += 16 + kept
    order = sorted(
        (time_ns + copy * APART_NS, copy, place)
        for copy in range(copies)
        for place, (time_ns, *_) in enumerate(rows)
    )
    with out.open("wb") as file:
        file.write(content[:24])
        for time_ns, copy, place in order:
            data = moved(rows[place][2], copy)
            file.write(struct.pack("<IIII", *divmod(time_ns, 10**9), len(data), rows[place][1]) + data)
    return len(order)


def moved(frame, copy):
    """The frame with both addresses of its outermost IP header changed, the same way in both directions."""
    at = 12
    while frame[at : at + 2] in TAGS:
        at += 4
    kind, at, out = frame[at : at + 2], at + 2, bytearray(frame)
    places = {b"\x08\x00": (13, 17), b"\x86\xdd": (13, 29)}.get(kind, ())
    for place in places:
        if at + place < len(out):
            out[at + place] ^= copy
    return bytes(out)
