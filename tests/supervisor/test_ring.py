"""The capture socket: filtered, bound, shrunk; bytecode read back from the kernel."""

import os
import socket
import struct
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from shared.errors import ConfigurationError, FlowherdError
from shared.settings import CaptureSettings
from supervisor import bpf, memory
from supervisor.links import Link
from supervisor.post import Post
from supervisor.ring import Ring
from supervisor.rings import REFUSED_S, Rings
from supervisor.snapshot import Rates, row_of
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


class FakeSocket:
    """Takes every option."""

    is_closed = False

    def setsockopt(self, *_words):
        """Whatever it is."""

    def close(self):
        """Remember it."""
        self.is_closed = True


@pytest.mark.root
def test_only_what_the_filter_lets_through_reaches_the_ring(inside):
    """Block header of TPACKET_V3: version, offset to private area, status, packets."""
    code = """
import mmap, socket, struct, select
from supervisor import bpf
from supervisor.ring import open_ring
program = bpf.compile_filter("va", "ether proto 0x88b5", 64)
ring = open_ring("va", socket.if_nametoindex("va"), 4, program, promisc=True)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind(("vb", 0))
for proto in (0x88B5, 0x88B6, 0x88B5):
    sender.send(bytes(12) + struct.pack("!H", proto) + bytes(86))
page = mmap.mmap(ring.sock.fileno(), ring.blocks * ring.block_bytes)
assert select.select([ring.sock], [], [], 5)[0]
_, _, status, packets, first = struct.unpack_from("=5I", page)
_, _, _, snaplen, length = struct.unpack_from("=5I", page, first)
print(status & 1, packets, snaplen, length, ring.blocks, ring.mib)
"""
    assert run_inside(inside, code) == "1 2 64 100 32 4"


@pytest.mark.root
def test_what_nobody_read_is_counted_also_while_the_kernel_fills_it(inside):
    """A block is handed over when it is full or its time is over; a ring may be closed before. What was read is not."""
    code = """
import socket, struct, time
from supervisor.ring import RETIRE_MS, open_ring
from supervisor.unread import NOWHERE, unread
ONLY = ((0x28, 0, 0, 12), (0x15, 0, 1, 0x88B5), (0x06, 0, 0, 65535), (0x06, 0, 0, 0))
ring = open_ring("va", socket.if_nametoindex("va"), 4, ONLY, promisc=False)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind(("vb", 0))
def send(count):
    for number in range(count):
        sender.send(b"\\2" * 12 + b"\\x88\\xb5" + bytes(46))
send(3)
print(unread(ring, NOWHERE, time.time_ns()))
time.sleep(3 * RETIRE_MS / 1000)
print(unread(ring, NOWHERE, time.time_ns()))
later = time.time_ns()
send(5)
read = {"cursor_block": 0, "cursor_sequence": 1, "cursor_offset": ring.block_bytes}
print(unread(ring, read, later), unread(ring, read, time.time_ns()))
"""
    assert run_inside(inside, code).split() == ["3", "3", "0", "5"]


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
def test_two_sockets_of_a_fanout_group_share_the_packets(inside):
    """While packets come the second joins: none is missed, none comes twice, and flows stay whole."""
    code = """
import mmap, socket, struct, threading, time
from supervisor.ring import PACKET_STATISTICS, RETIRE_MS, SOL_PACKET, open_ring
FLOWS, PACKETS = 64, 20000
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind(("vb", 0))
def frame(number):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, 17, 0, b"\\x0a\\0\\0\\1", b"\\x0a\\0\\0\\2")
    return b"\\2" * 12 + b"\\x08\\0" + head + struct.pack("!HHHH", number % FLOWS, 53, 8, 0)
def send():
    for number in range(PACKETS):
        sender.send(frame(number))
def ports(ring):
    page, found = mmap.mmap(ring.sock.fileno(), ring.blocks * ring.block_bytes), []
    for start in range(0, len(page), ring.block_bytes):
        status, packets, first = struct.unpack_from("=3I", page, start + 8)
        at = start + first
        for _ in range(packets if status & 1 else 0):
            ahead, mac = *struct.unpack_from("=I", page, at), *struct.unpack_from("=H", page, at + 24)
            if page[at + mac : at + mac + 14] == b"\\2" * 12 + b"\\x08\\0":  # the link says something of its own too
                found.append(struct.unpack_from("!H", page, at + mac + 34)[0])
            at += ahead
    return found
first = open_ring("va", socket.if_nametoindex("va"), 8, (), promisc=True, fanout=FANOUT)
thread = threading.Thread(target=send)
thread.start()
time.sleep(0.01)
second = open_ring("va", socket.if_nametoindex("va"), 8, (), promisc=True, fanout=FANOUT)
thread.join()
for number in range(FLOWS * 4):
    sender.send(frame(number))
time.sleep(4 * RETIRE_MS / 1000)
one, two = ports(first), ports(second)
late = {port for port in one[-len(two) // 8 :]}
print(len(one) + len(two), len(two) > 0, len(late & set(two)))
"""
    total, has_both, on_both = run_inside(inside, code.replace("FANOUT", "9")).split()
    assert (int(total), has_both, on_both) == (20_000 + 256, "True", "0")


@pytest.mark.root
def test_packets_go_from_one_ring_to_another(inside):
    """While they come, thirty times: each is in one of the rings, and none is in two."""
    code = """
import socket, struct, threading
from supervisor.ring import OF_ITS_OWN, PACKET_STATISTICS, SOL_PACKET, open_ring
from supervisor.rings import Rings
HEAD, is_over, sent = b"\\2" * 12 + b"\\x88\\xb5", threading.Event(), [0]
def send():
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("vb", 0))
    while not is_over.is_set():
        sender.send(HEAD + struct.pack("!I", sent[0]) + bytes(40))
        sent[0] += 1
def come(ring):
    return struct.unpack("@3I", ring.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))[0]
def another(mib, fanout):
    return open_ring("va", socket.if_nametoindex("va"), mib, ONLY, promisc=False, fanout=fanout)
ONLY = ((0x28, 0, 0, 12), (0x15, 0, 1, 0x88B5), (0x06, 0, 0, 65535), (0x06, 0, 0, 0))
rings = Rings(another(4, OF_ITS_OWN))
thread, counts = threading.Thread(target=send), []
thread.start()
for turn in range(30):
    rings.resize(8 if turn % 2 else 4, another)
    counts.append(come(rings.current))
    rings.settle({"ring": rings.coming.number})
is_over.set()
thread.join()
counts.append(come(rings.current))
print(sum(counts) - sent[0], sum(count > 0 for count in counts) > 2, rings.current.number, rings.current.group > 0)
"""
    assert run_inside(inside, code).split() == ["0", "True", "30", "True"]


@pytest.mark.root
def test_a_group_of_our_own_is_nobodys(inside):
    """People and other programs choose small numbers, and one number is one interface's."""
    code = """
import socket
from supervisor.ring import OF_ITS_OWN, open_ring
def another(interface, fanout):
    return open_ring(interface, socket.if_nametoindex(interface), 2, (), promisc=False, fanout=fanout)
ours = [another("va", OF_ITS_OWN) for _ in range(2)]
theirs = [another("vb", (ring.group & 0x7FFF) + 1) for ring in ours]
print(min(ring.group & 0xFFFF for ring in ours) >= 1 << 15, len({ring.group for ring in ours}))
"""
    assert run_inside(inside, code).split() == ["True", "2"]


@pytest.mark.root
def test_a_number_that_is_taken_is_not_ours(inside):
    code = """
import socket
from supervisor import ring
def another(interface):
    return ring.open_ring(interface, socket.if_nametoindex(interface), 2, (), promisc=False, fanout=ring.OF_ITS_OWN)
ring.OWN_NUMBERS = range(40000, 40004)
taken, free = another("vb"), []
while len({each.group for each in free}) < 3:
    free.append(another("va"))
print(taken.group & 0xFFFF in {each.group & 0xFFFF for each in free})
"""
    assert run_inside(inside, code) == "False"


def test_a_ring_that_cannot_grow_stays():
    """And is not asked for again at the next look; the sentence says why and what to do."""
    opened, made = Ring(FakeSocket(), 16, 256 << 10, group=1), []

    def no_more(mib, group):
        made.append(Ring(FakeSocket(), 16, 256 << 10, group))
        return made[-1]

    rings = Rings(opened)
    with pytest.raises(FlowherdError, match=r"no memory for more than 4 MiB; .*--ring-mib"):
        rings.resize(64, no_more)
    assert (rings.current, rings.coming, made[0].sock.is_closed) == (opened, None, True)
    assert not rings.may_resize(time.monotonic())
    assert rings.may_resize(time.monotonic() + REFUSED_S)


def test_a_ring_takes_no_large_part_of_what_is_free(monkeypatch):
    """Two hundred links that grow at a time leave the host its memory; to shrink is always allowed."""
    monkeypatch.setattr(memory, "available_mib", lambda: 500)
    rings = Rings(Ring(FakeSocket(), 32, 128 << 10, group=1))
    with pytest.raises(FlowherdError, match="500 MiB of memory are free, too little for one of 64 MiB"):
        rings.resize(64, lambda *_: pytest.fail("it was opened"))
    assert not rings.may_resize(time.monotonic())
    rings.resize(2, lambda *_: Ring(FakeSocket(), 16, 128 << 10, group=1))
    assert rings.coming


@pytest.mark.root
def test_members_must_agree_on_the_mode(inside):
    code = """
import socket
from supervisor.ring import open_ring
first = open_ring("va", socket.if_nametoindex("va"), 4, (), promisc=False, fanout=9)
try:
    open_ring("va", socket.if_nametoindex("va"), 4, (), promisc=False, fanout=9 | 1 << 16)
except Exception as error:
    print(error)
"""
    assert "va: fanout group 9 cannot be joined" in run_inside(inside, code)


@pytest.mark.root
@pytest.mark.parametrize(("promisc", "count"), [(True, "1"), (False, "0")])
def test_promiscuous_mode_lasts_as_long_as_the_ring(inside, promisc, count):
    code = f"""
import socket, subprocess
from supervisor.ring import open_ring
def told():
    words = subprocess.run(["ip", "-d", "link", "show", "va"], capture_output=True, text=True).stdout.split()
    return words[words.index("promiscuity") + 1]
ring = open_ring("va", socket.if_nametoindex("va"), 4, (), promisc={promisc})
print(told())
ring.close()
print(told())
"""
    assert run_inside(inside, code).split() == [count, "0"]


@pytest.mark.root
def test_the_ring_is_asked_for_on_a_core_of_its_node(monkeypatch):
    """The kernel takes a ring's memory from the node of the core that asks; then we run where we did before."""
    from supervisor import ring

    cores, asked = os.sched_getaffinity(0), []

    class Watching(socket.socket):
        def setsockopt(self, level, option, value):
            if option == ring.PACKET_RX_RING:
                asked.append(os.sched_getaffinity(0))
            super().setsockopt(level, option, value)

    monkeypatch.setattr(socket, "socket", Watching)
    for near in ({max(cores)}, {1 << 14}, ()):  # the second is no core of this machine
        post = Post(Link("lo", 1), CaptureSettings(ring_mib=4), near=frozenset(near))
        post._open_ring((), 4, 0).close()
    assert asked == [{max(cores)}, cores, cores]
    assert os.sched_getaffinity(0) == cores


@pytest.mark.root
def test_a_smaller_ring_is_taken_when_the_kernel_refuses(monkeypatch):
    """Both numbers are kept, so that they can be said."""
    from supervisor import ring

    asked = []

    class Sparing(socket.socket):
        def setsockopt(self, level, option, value):
            if option == ring.PACKET_RX_RING:
                block_bytes, blocks = struct.unpack("@7I", value)[:2]
                asked.append(block_bytes * blocks >> 20)
                if asked[-1] > 8:
                    raise OSError(12, "Cannot allocate memory")
            super().setsockopt(level, option, value)

    monkeypatch.setattr(socket, "socket", Sparing)
    opened = ring.open_ring("lo", 1, 64, (), promisc=False)
    assert (asked, opened.mib) == ([64, 32, 16, 8], 8)
    post = Post(Link("lo", 1), CaptureSettings(ring_mib=64), rings=Rings(opened))
    (sentence,) = post.shortages()
    assert sentence.startswith("capture ring of 8 MiB instead of 64: ")
    assert "--ring-mib" in sentence
    assert row_of(post, Rates(), 0.0).why == sentence
    opened.close()


@pytest.mark.root
def test_no_room_at_all_is_said_with_both_numbers(monkeypatch):
    from supervisor import ring

    class Full(socket.socket):
        def setsockopt(self, level, option, value):
            if option == ring.PACKET_RX_RING:
                raise OSError(12, "Cannot allocate memory")
            super().setsockopt(level, option, value)

    monkeypatch.setattr(socket, "socket", Full)
    with pytest.raises(
        FlowherdError, match=r"lo: .*neither of the 16 MiB asked nor of 2: .*--ring-mib lower"
    ):
        ring.open_ring("lo", 1, 16, (), promisc=False)


def test_without_decoding_headers_are_enough():
    """A length that was chosen stands; a mirror's packets lie deeper; libpcap tells no other length."""
    bare = CaptureSettings(decode=False)
    assert bpf.snaplen_of(bare) == bpf.HEADERS
    assert bpf.snaplen_of(CaptureSettings()) == bpf.WHOLE
    assert bpf.snaplen_of(bare, mirror=True) == bpf.WHOLE
    assert bpf.snaplen_of(replace(bare, capture="pcap")) == bpf.WHOLE
    assert bpf.snaplen_of(replace(bare, snaplen=96)) == 96


@pytest.mark.root
def test_without_rights_the_remedy_is_named(tmp_path):
    opening = "open_ring('lo', 1, 4, (), promisc=False)"
    code = f"import os; from supervisor.ring import open_ring; os.setuid(65534); {opening}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "capturing needs root" in done.stderr
