"""Messages of real captures: their octets as tshark cuts them out, and what it reads in them."""

import functools
import os
import shutil
import subprocess

import pytest

PLAIN = ("tcp.desegment_tcp_streams:FALSE", "udp.check_checksum:FALSE")


@functools.cache
def messages(path, display, *fields, octets="udp.payload"):
    """(octets, {field: values}) of each packet that `display` shows, but for those tshark finds malformed."""
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    names = (octets, *fields)
    command = ["tshark", "-n", "-r", str(path), "-Y", f"({display}) && !_ws.malformed && !icmp && !icmpv6"]
    command += ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f", "-E", "occurrence=a"]
    for preference in PLAIN:
        command += ["-o", preference]
    for name in names:
        command += ["-e", name]
    shown = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    assert shown.returncode in {0, 2}, shown.stderr  # 2: the capture ends within a packet
    found = []
    for line in shown.stdout.decode(errors="replace").split("\n"):
        cells = [cell.split("\x1f") if cell else [] for cell in line.split("\t")]
        if cells[0]:
            found.append((bytes.fromhex(cells[0][-1]), dict(zip(fields, cells[1:], strict=True))))
    return found


def payloads(path):
    """The UDP payloads of a small capture, in order."""
    return [octets for octets, _ in messages(path, "udp")]


def text(cell):
    """A text cell as tshark prints it."""
    return cell.decode(errors="replace")
