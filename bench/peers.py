"""The programs that are measured: command lines for a capture file and an interface, and what each measures."""

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from bench import nfstream
from worker.jit_cache import DEFAULT_ROOT

PORT = 29995  # where exports go, and nobody reads them
FLOWS = 500_000
IDLE_S = 60
TABLE_BYTES_A_FLOW = 2000
SOFTFLOWD_TIMES = ("tcp", "tcp.rst", "tcp.fin", "udp", "icmp", "general", "maxlife")
PMACCTD = """daemonize: false
{source}
aggregate: src_host,dst_host,src_port,dst_port,proto
plugins: nfprobe[flows]
nfprobe_receiver[flows]: 127.0.0.1:{port}
nfprobe_version[flows]: 9
nfprobe_maxflows[flows]: {flows}
nfprobe_timeouts[flows]: {times}
plugin_pipe_size[flows]: 268435456
plugin_buffer_size[flows]: 65536
"""
PMACCTD_SHOWN = "; ".join(
    PMACCTD.format(source="…", port=PORT, flows=1_000_000, times="60 s each").splitlines()
)


class Peer(NamedTuple):
    """Who it is, what part of a capture it is given, and what its flows hold."""

    version: tuple
    part: float
    about: str


@dataclass(frozen=True)
class Job:
    """One run: where files may be written, what is read, and how many flows a table must hold."""

    folder: Path
    flows: int = FLOWS
    path: str = ""
    interface: str = ""


PEERS = {
    "flowherd": Peer((), 1, "biflows, TCP metrics, seven decoders"),
    "flowherd --no-decode": Peer((), 1, "biflows, TCP metrics"),
    "flowherd --sample 256": Peer((), 1, "one flow of 256: biflows, TCP metrics, decoders"),
    "softflowd": Peer(("softflowd", "-h"), 1, "counters, NetFlow v9"),
    "nfpcapd": Peer(("nfcapd", "-V"), 1, "counters, client, server and application delay, files"),
    "argus": Peer(
        ("argus", "-h"), 0.5, "biflows, counters, TCP loss and window, round trip of the handshake"
    ),
    "pmacctd": Peer(("pmacctd", "-V"), 0.1, "counters, NetFlow v9 (nfprobe)"),
    "ndpiReader": Peer(("ndpiReader", "-h"), 0.15, "counters, application by nDPI, no records"),
    "NFStream": Peer((), 0.03, "biflows, counters, no application"),
    "NFStream nDPI": Peer((), 0.03, "biflows, counters, application by nDPI"),
    "tshark": Peer(("tshark", "-v"), 0.01, "everything dissected; conversations of TCP and UDP counted"),
    "tcpdump": Peer(("tcpdump", "--version"), 1, "nothing: reads and writes packets; the floor"),
}


def timeouts(names=SOFTFLOWD_TIMES):
    return [f"{name}={IDLE_S}" for name in names]


def flowherd(*words):
    """`flowherd replay` to null, with the table every other program has."""

    def command(job):
        dirs = [f"--state-dir={job.folder}/state", f"--cache-dir={DEFAULT_ROOT}", "--sink", "null"]
        if job.flows > FLOWS:
            mib = job.flows * TABLE_BYTES_A_FLOW >> 20
            dirs += ["--max-flows", job.flows, "--table-mib", mib]
        return [sys.executable, "-I", "-m", "supervisor", "replay", job.path, *dirs, *words]

    return command


def softflowd(job):
    times = [word for time in timeouts() for word in ("-t", time)]
    source = ["-r", job.path] if job.path else ["-i", job.interface, "-N", "-B", 64 << 20]
    table = ["-m", max(job.flows, 1_000_000), "-6", *times]
    own = ["-p", job.folder / "softflowd.pid", "-c", "none"]  # it unlinks its pid file: never a device
    return ["softflowd", "-d", *own, *table, "-v", 9, "-n", f"127.0.0.1:{PORT}", *source]


def nfpcapd(job):
    out = job.folder / "nfdump"
    out.mkdir(exist_ok=True)
    source = ["-r", job.path] if job.path else ["-i", job.interface, "-b", 64]
    return ["nfpcapd", "-w", out, "-e", f"{IDLE_S},{IDLE_S}", "-B", max(job.flows, 1 << 19), *source]


def argus(job):
    source = ["-r", job.path] if job.path else ["-p", "-i", job.interface]
    return ["argus", "-X", "-S", IDLE_S, "-w", "-", *source]


def pmacctd(job):
    name = job.folder / "pmacctd.conf"
    file = f"pcap_savefile: {job.path}\npcap_savefile_wait: true"
    source = file if job.path else f"pcap_interface: {job.interface}\npromisc: false"
    times = ":".join([*timeouts(), f"expint={IDLE_S}"])
    name.write_text(PMACCTD.format(source=source, port=PORT, flows=max(job.flows, 1_000_000), times=times))
    return ["pmacctd", "-f", name]


def tcpdump(job):
    source = ["-r", job.path] if job.path else ["-p", "-B", 64 << 10, "-i", job.interface]
    return ["tcpdump", "-n", *source, "-w", "-"]  # a file it would make its own user's, a device too


OFFLINE = {
    "flowherd": flowherd(),
    "flowherd --no-decode": flowherd("--no-decode"),
    "flowherd --sample 256": flowherd("--sample", "256"),
    "softflowd": softflowd,
    "nfpcapd": nfpcapd,
    "argus": argus,
    "pmacctd": pmacctd,
    "ndpiReader": lambda job: ["ndpiReader", "-q", "-i", job.path],
    "NFStream": lambda job: nfstream.command(job.path, dissections=0),
    "NFStream nDPI": lambda job: nfstream.command(job.path, dissections=20),
    "tshark": lambda job: ["tshark", "-n", "-q", "-z", "conv,tcp", "-z", "conv,udp", "-r", job.path],
    "tcpdump": tcpdump,
}
LIVE = {"softflowd": softflowd, "nfpcapd": nfpcapd, "argus": argus, "pmacctd": pmacctd, "tcpdump": tcpdump}
STAYS = {
    "pmacctd"
}  # at the end of a file its core process would end the plugin before that has read its pipe
NOSY = {"argus", "nfpcapd"}  # they read their socket's counts, so strace must listen (bench/sockets.py)


def had(names):
    """Those that can be run here; the others are named, once."""
    missing = [name for name in names if not present(name)]
    if missing:
        print(f"not to be had here, left out: {', '.join(missing)}", file=sys.stderr)
    return {name: names[name] for name in names if name not in missing}


def traced(name, command, log):
    """A live program's command line, with strace where it is needed; that stops at one system call alone."""
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=getsockopt", "-o", log]
    return [*strace, *command] if name in NOSY else command


def present(name):
    if name.startswith("flowherd"):
        return True
    return bool(nfstream.python()) if name.startswith("NFStream") else bool(shutil.which(name))


def version(name):
    """What the program says it is, its number alone."""
    if name.startswith(("NFStream", "flowherd")):
        return nfstream.VERSION if name.startswith("NFStream") else metadata.version("flowherd")
    asked = PEERS[name].version
    told = subprocess.run(asked, check=False, capture_output=True, text=True) if asked else None
    found = re.search(r"\d+\.\d+[\w.]*", told.stdout + told.stderr) if told else None
    return found.group().rstrip(".") if found else ""


def shown(name, command, folder):
    """A command line as one would type it: paths of this run left out, quotes where a shell needs them."""
    words = [str(word) for word in command]
    words = [word for word in words if not word.startswith(("--state-dir", "--cache-dir"))]
    text = shlex.join(words).replace(f"{sys.executable} -I -m supervisor", "flowherd")
    text = text.replace(f"{nfstream.ENVIRONMENT}/bin/", "").replace(f"{folder}/", "")
    return f"{text}   # {PMACCTD_SHOWN}" if name == "pmacctd" else text
