"""The capture socket: filtered, bound, shrunk; bytecode read back from the kernel."""

import socket
import struct
import subprocess
import sys

import pytest

from shared.errors import ConfigurationError
from supervisor import bpf
from tests.conftest import ROOT
from tests.supervisor.rig import namespace

VLAN_PRESENT = 0xFFFFF030  # SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT, linux/filter.h


@pytest.fixture(scope="module")
def inside():
    with namespace() as name:
        yield name


def run_inside(name, code):
    """What `code` prints, run in the namespace."""
    words = ["ip", "netns", "exec", name, sys.executable, "-c", code]
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def test_accepting_returns_are_cut_to_the_snap_length():
    program = ((0x28, 0, 0, 12), (0x15, 0, 1, 0x800), (0x06, 0, 0, 262144), (0x06, 0, 0, 0))
    assert [k for code, _, _, k in bpf.shortened(program, 96) if code == bpf.RETURN_CONSTANT] == [96, 0]


def test_no_filter_needs_no_program_unless_it_cuts():
    assert bpf.compile_filter("none", " ", 65535) == ()
    assert bpf.compile_filter("none", "", 128) == ((6, 0, 0, 128),)


@pytest.mark.root
def test_a_vlan_filter_looks_where_the_kernel_keeps_the_tag(inside):
    """A bare compile would look into the frame, where the tag no longer is."""
    code = "from supervisor.bpf import compile_filter; print(compile_filter('va', 'vlan 10', 65535))"
    assert str(VLAN_PRESENT) in run_inside(inside, code)


@pytest.mark.root
def test_a_bad_filter_has_libpcaps_own_words():
    with pytest.raises(ConfigurationError, match=r"filter 'tcp prot 80' on lo: .*syntax error"):
        bpf.compile_filter("lo", "tcp prot 80", 65535)


@pytest.mark.root
def test_only_what_the_filter_lets_through_reaches_the_ring(inside):
    """Block header of TPACKET_V3: version, offset to private area, status, packets."""
    code = """
import mmap, socket, struct, select
from supervisor import bpf
from supervisor.ring import open_ring, BLOCK_BYTES
program = bpf.compile_filter("va", "ether proto 0x88b5", 64)
ring = open_ring("va", socket.if_nametoindex("va"), 4, program, promisc=True)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind(("vb", 0))
for proto in (0x88B5, 0x88B6, 0x88B5):
    sender.send(bytes(12) + struct.pack("!H", proto) + bytes(86))
page = mmap.mmap(ring.sock.fileno(), ring.blocks * BLOCK_BYTES)
assert select.select([ring.sock], [], [], 5)[0]
_, _, status, packets, first = struct.unpack_from("=5I", page)
_, _, _, snaplen, length = struct.unpack_from("=5I", page, first)
print(status & 1, packets, snaplen, length, ring.blocks)
"""
    assert run_inside(inside, code) == "1 2 64 100 16"


@pytest.mark.root
@pytest.mark.parametrize("fanout", [0, 7 | 2 << 16])
def test_on_loopback_a_packet_counts_once(inside, fanout):
    code = """
import socket, struct
from supervisor.ring import PACKET_STATISTICS, SOL_PACKET, open_ring
ring = open_ring("lo", 1, 4, (), promisc=False, fanout=FANOUT)
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("127.0.0.1", 0))
for _ in range(3):
    here.sendto(b"x", here.getsockname())
    here.recv(9)
print(struct.unpack("@3I", ring.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))[0])
"""
    assert run_inside(inside, code.replace("FANOUT", str(fanout))) == "3"


@pytest.mark.root
def test_a_smaller_ring_is_taken_when_the_kernel_refuses(monkeypatch):
    """Both numbers are kept, so that they can be said."""
    from supervisor import ring

    asked = []

    class Sparing(socket.socket):
        def setsockopt(self, level, option, value):
            if option == ring.PACKET_RX_RING:
                blocks = struct.unpack("@7I", value)[1]
                asked.append(blocks)
                if blocks > 32:
                    raise OSError(12, "Cannot allocate memory")
            super().setsockopt(level, option, value)

    monkeypatch.setattr(socket, "socket", Sparing)
    opened = ring.open_ring("lo", 1, 64, (), promisc=False)
    assert (asked, opened.mib) == ([256, 128, 64, 32], 8)
    opened.close()


@pytest.mark.root
def test_without_rights_the_remedy_is_named(tmp_path):
    opening = "open_ring('lo', 1, 4, (), promisc=False)"
    code = f"import os; from supervisor.ring import open_ring; os.setuid(65534); {opening}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "capturing needs root" in done.stderr
