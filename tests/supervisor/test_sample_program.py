"""The kernel's filter program: refuses plain TCP and UDP by the hash, passes everything else, and adds to a filter."""

import ast
import random
import socket
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from shared.sampling import sampling_of
from supervisor.bpf import PROGRAM_LIMIT, attach
from supervisor.sample_program import ETHERNET_FRAMES, sampling_program, with_sampling
from tests import frames
from tests.bpf_machine import run
from tests.conftest import ROOT
from tests.examples import examples
from tests.naive_frames import Dropped, decode
from tests.naive_sample import is_sampled
from tests.supervisor.rig import ip, namespace

KEY = 0x0123_4567_89AB_CDEF
NEVER = 1_000_000  # so few are kept that these are refused
SNAPLEN = 65535
MACS = bytes(12)


def program(sample, key=KEY, snaplen=SNAPLEN):
    return sampling_program(sampling_of(sample, key), snaplen)


def ether(**more):
    """With addresses, so that scapy asks nobody for them."""
    return Ether(src=frames.MACS[0], dst=frames.MACS[1], **more)


def packet4(**more):
    return IP(src="192.0.2.1", dst="198.51.100.7", **more)


def packet6(**more):
    return IPv6(src="2001:db8::1", dst="2001:db8:7::9", **more)


PORTS = {"sport": 40000, "dport": 443}
REFUSED = {
    "tcp": ether() / packet4() / TCP(**PORTS),
    "udp": ether() / packet4() / UDP(**PORTS),
    "options": ether() / packet4(options=[IPOption_NOP()] * 40) / TCP(**PORTS),
    "tcp6": ether() / packet6() / TCP(**PORTS),
    "udp6": ether() / packet6() / UDP(**PORTS),
    "don't fragment": ether() / packet4(flags="DF") / TCP(**PORTS),
}
UDP_BYTES = bytes(UDP(**PORTS) / b"1234")
PASSED = {
    "tagged": ether() / Dot1Q(vlan=7) / packet4() / TCP(**PORTS),
    "first fragment": ether() / fragment(packet4() / UDP(**PORTS) / Raw(bytes(99)), 48)[0],
    "later fragment": ether() / fragment(packet4() / UDP(**PORTS) / Raw(bytes(99)), 48)[1],
    "icmp": ether() / packet4() / ICMP(),
    "sctp": ether() / packet4(proto=132) / Raw(bytes(40)),
    "extension header": ether() / packet6() / IPv6ExtHdrHopByHop() / UDP(**PORTS),
    "arp": ether(type=0x0806) / Raw(bytes(46)),
    "another version": ether(type=0x0800) / packet6() / UDP(**PORTS),
    "another version 6": ether(type=0x86DD) / packet4() / UDP(**PORTS) / Raw(bytes(40)),
    "header length below 20": ether() / packet4(ihl=4) / UDP(**PORTS),
    "ports behind the total length": ether() / packet4(len=23) / Raw(UDP_BYTES),
    "total length 0": ether() / packet4(len=0) / UDP(**PORTS),
    "ports behind the payload length": ether() / packet6(plen=3, nh=17) / Raw(UDP_BYTES),
    "payload length 0": ether() / packet6(plen=0) / UDP(**PORTS),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_kernel_refuses(name):
    frame = bytes(REFUSED[name])
    assert not is_sampled(decode(1, frame, len(frame)), NEVER, KEY)
    assert run(program(NEVER), frame) == 0
    assert run(program(NEVER), frame, tag=0x2007) == SNAPLEN, "the kernel took a tag out of the frame"


@pytest.mark.parametrize("name", PASSED)
def test_what_is_left_to_the_worker(name):
    assert run(program(NEVER), bytes(PASSED[name])) == SNAPLEN


@pytest.mark.parametrize("name", REFUSED)
def test_short_frames_are_left_to_the_worker(name):
    """Refused only if the worker would read the same ports."""
    frame = bytes(REFUSED[name])
    for size in range(len(frame)):
        try:
            ports = decode(1, frame[:size], len(frame)).sport
        except Dropped:
            ports = 0
        assert run(program(NEVER), frame[:size]) == (0 if ports else SNAPLEN), size


def test_what_the_snap_length_cuts_off_is_left_to_the_worker():
    """The kernel sees the whole frame, the worker `snaplen` bytes of it."""
    frame = bytes(REFUSED["options"])
    assert (run(program(NEVER, snaplen=77), frame), run(program(NEVER, snaplen=78), frame)) == (77, 0)


def plain(link, data):
    """Whether a frame is one of those that the kernel decides."""
    if link != 1 or data[12:14] not in (b"\x08\0", b"\x86\xdd"):
        return None
    try:
        packet = decode(link, data, len(data))
    except Dropped:
        return None
    return packet if packet.proto in (6, 17) and not packet.fragment else None


def on_ethernet(rng, count):
    """IP packets of every kind in Ethernet frames without tags."""
    found = []
    while len(found) < count:
        kind, packets = rng.choice([(0x0800, frames.packet4), (0x86DD, frames.packet6)])
        found += [(1, frames.ether(rng, kind, packet)) for packet in packets(rng)]
    return found


@pytest.mark.parametrize("seed", range(4))
def test_kernel_and_oracle_agree(seed):
    """Over packets of every kind, whole and mutated, and many keys: nothing kept is refused, most others are."""
    rng = random.Random(seed)
    found = [frames.mutated(rng, f) if rng.random() < 0.4 else f for f in on_ethernet(rng, 900)]
    refused = kept = passed = 0
    for link, data in found:
        sample, key = rng.choice([2, 3, 10]), rng.getrandbits(64)
        decision, packet = run(program(sample, key), data), plain(link, data)
        if decision == 0:
            assert packet, data.hex()
            assert not is_sampled(packet, sample, key)
            refused += 1
        elif packet:
            kept += is_sampled(packet, sample, key)
            passed += not is_sampled(packet, sample, key)
    assert min(refused, kept) > 50, (refused, kept)
    assert passed < refused / 2, "extension headers, lengths that only offload leaves at 0"


@examples(300)
@given(
    st.sampled_from([4, 16]).flatmap(lambda n: st.tuples(*[st.binary(min_size=n, max_size=n)] * 2)),
    st.sampled_from([6, 17]),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, (1 << 64) - 1),
    st.integers(2, 9),
)
def test_any_ends_and_key(addresses, proto, sport, dport, key, sample):
    """Both directions alike, and as the oracle says."""
    decisions = set()
    for (src, sent), (dst, taken) in ([(0, sport), (1, dport)], [(1, dport), (0, sport)]):
        frame = ip_frame(addresses[src], addresses[dst], proto, struct.pack(">HH", sent, taken))
        kept = run(program(sample, key), frame) > 0
        assert kept == is_sampled(decode(1, frame, len(frame)), sample, key)
        decisions.add(kept)
    assert len(decisions) == 1


def ip_frame(src, dst, proto, rest):
    rest = rest + bytes(16)
    if len(src) == 4:
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(rest), 0, 0, 64, proto, 0, src, dst)
        return MACS + b"\x08\0" + head + rest
    return MACS + b"\x86\xdd" + struct.pack(">IHBB16s16s", 6 << 28, len(rest), proto, 64, src, dst) + rest


FILTER = (  # ip or (ip6 and its first byte of payload is not 7)
    *((0x28, 0, 0, 12), (0x15, 0, 1, 0x0800), (0x06, 0, 0, 262144)),
    *((0x15, 0, 2, 0x86DD), (0x30, 0, 0, 54), (0x15, 0, 1, 7), (0x06, 0, 0, 0)),
    (0x06, 0, 0, 96),
)


def test_a_filter_goes_first():
    sampled = with_sampling(FILTER, sampling_of(NEVER, KEY), SNAPLEN)
    assert run(sampled, bytes(REFUSED["tcp"])) == run(sampled, bytes(REFUSED["udp6"])) == 0
    assert run(sampled, bytes(PASSED["icmp"])) == 262144
    seven = MACS + b"\x86\xdd" + bytes(40) + b"\7" + bytes(40)
    assert (run(FILTER, seven), run(sampled, seven)) == (0, 0)


def test_nothing_to_sample_changes_nothing():
    assert with_sampling(FILTER, sampling_of(1, KEY), SNAPLEN) is FILTER
    assert with_sampling((), sampling_of(0, KEY), SNAPLEN) == ()
    nothing = ((0x06, 0, 0, 0),)
    assert with_sampling(nothing, sampling_of(9, KEY), SNAPLEN) == nothing


def test_a_filter_that_leaves_no_room_goes_alone():
    long = ((0x28, 0, 0, 12),) * (PROGRAM_LIMIT - 1) + ((0x06, 0, 0, 96),)
    assert with_sampling(long, sampling_of(9, KEY), SNAPLEN) == long


def test_the_kernel_takes_it():
    """Its checker sees every jump, every load and every place of scratch memory (net/core/filter.c)."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        attach(one, with_sampling(FILTER, sampling_of(5, KEY), SNAPLEN))
        attach(one, program(1_000_000))
        other.send(bytes(REFUSED["tcp"]))
        other.send(bytes(PASSED["icmp"]))
        assert one.recv(2000) == bytes(PASSED["icmp"]), "the first was refused: a program of the kernel's own"


@pytest.mark.root
def test_which_links_carry_ethernet_frames():
    code = "from supervisor.inventory import read_links; print({x.name: x.hardware for x in read_links()})"
    with namespace() as name:
        ip("-n", name, "tuntap", "add", "dev", "bare", "mode", "tun")
        words = ["ip", "netns", "exec", name, sys.executable, "-c", code]
        found = ast.literal_eval(
            subprocess.run(words, check=True, capture_output=True, cwd=ROOT).stdout.decode()
        )
    assert {name for name, hardware in found.items() if hardware in ETHERNET_FRAMES} == {"lo", "va", "vb"}
    assert "bare" in found
