"""Real captures laid over each other many times, replayed with all decoders on, beside NFStream with nDPI."""

import os
import statistics
import struct
import subprocess
import sys
from pathlib import Path

from bench import offline, traffic
from bench.result import Result

CAPTURES = Path(os.environ.get("FLOWHERD_CAPTURES", traffic.ROOT.parent / "shared" / "pcaps"))
MIX = traffic.ROOT.parent / "shared" / "tools" / "mix.py"
NFSTREAM = "6.6.0"
ENVIRONMENT = Path.home() / ".cache" / "flowherd-bench" / f"nfstream-{NFSTREAM}"
METER = (
    "import sys; from nfstream import NFStreamer; "
    "print(sum(1 for _ in NFStreamer(source=sys.argv[1], n_dissections=20, statistical_analysis=False, n_meters=1)))"
)
APART_NS = 1_000_000_000
TAGS = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")


def measure(folder, copies=30, rounds=3):
    """Medians of cost(twice as many copies) - cost(copies), the programs in turn."""
    if not CAPTURES.is_dir() or not MIX.is_file():
        print("applications: no captures beside the checkout, left out", file=sys.stderr)
        return []
    single = mixed(folder)
    few, packets = laid(single, folder / "few.pcap", copies)
    many, _ = laid(single, folder / "many.pcap", 2 * copies)
    commands = programs(folder)
    spent = {name: [] for name in commands}
    core = max(os.sched_getaffinity(0))
    for path in (few, many):
        traffic.touch(path)
    for name in commands:
        offline.spent(commands[name](single), core)
    for _ in range(rounds):
        for name, command in commands.items():
            one, two = offline.spent(command(few), core), offline.spent(command(many), core)
            spent[name].append([after - before for before, after in zip(one, two, strict=True)])
    few.unlink()
    many.unlink()
    return [result(spent, packets, rounds)]


def programs(folder):
    """Command lines; NFStream only where its wheel can be had."""
    found = {"flowherd": offline.programs(folder)["flowherd"]}
    python = nfstream()
    if python:
        found["NFStream"] = lambda path: [str(python), "-I", "-c", METER, str(path)]
    return found


def nfstream():
    """The Python of an environment of its own that has NFStream, made at first; None where it cannot be had."""
    python = ENVIRONMENT / "bin" / "python"
    asked = [str(python), "-I", "-c", "import nfstream; print(nfstream.__version__)"]
    if python.exists() and subprocess.run(asked, check=False, capture_output=True).stdout:
        return python
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(ENVIRONMENT)], check=True
        )
        subprocess.run([*pip, "install", "--only-binary", ":all:", f"nfstream=={NFSTREAM}"], check=True)
    except subprocess.CalledProcessError:
        print(f"applications: NFStream {NFSTREAM} cannot be installed, left out", file=sys.stderr)
        return None
    return python


def mixed(folder):
    """The captures as mix.py lays them over each other."""
    path = folder / "mix.pcap"
    captures = sorted(str(name) for name in CAPTURES.rglob("*") if name.is_file() and name.suffix != ".md")
    subprocess.run([sys.executable, str(MIX), str(path), *captures], check=True, capture_output=True)
    return path


def laid(single, out, copies):
    """A capture of so many copies a second apart, each with addresses of its own; the path, packets of `single`'s."""
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
    return out, len(order)


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


def result(spent, packets, rounds):
    """Packets a CPU second of each, and how many times NFStream's flowherd's are."""
    rates = {}
    for name, costs in spent.items():
        cpu, wall = (statistics.median(column) for column in zip(*costs, strict=True))
        rates[name] = packets / cpu / 1e6, packets / wall / 1e6
    figure = ", ".join(f"{name} {cpu:.2f} (wall clock {wall:.2f})" for name, (cpu, wall) in rates.items())
    if "NFStream" in rates:
        figure += f"; {rates['flowherd'][0] / rates['NFStream'][0]:.1f} times NFStream"
    how = f"{packets:,} packets of real captures (mix.py), all decoders; NFStream {NFSTREAM}, nDPI; median of {rounds}"
    return Result("applications, replay to null, Mpps a core", figure, how)
