"""Step 1: AF_PACKET with a TPACKET_V3 ring, filtered and bound here; workers only map it.

Constants and layouts: linux/if_packet.h and the kernel's packet_mmap document.
"""

import errno
import random
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

from shared.errors import FlowherdError
from shared.settings import CaptureSettings
from supervisor import bpf

SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_DROP_MEMBERSHIP = 2
PACKET_RX_RING = 5
PACKET_STATISTICS = 6
PACKET_VERSION = 10
PACKET_FANOUT = 18
PACKET_IGNORE_OUTGOING = 23
PACKET_FANOUT_DATA = 22
FANOUT_MODES = {"hash": 0, "lb": 1, "cpu": 2}
FANOUT_IGNORES_OUTGOING = 0x4000 << 16
OF_ITS_OWN = FANOUT_BY_PROGRAM = 6 << 16
# Numbers are one namespace's, and people choose small ones. The kernel would choose 0, 1, 2: theirs, sooner or later.
OWN_NUMBERS, TRIES = range(1 << 15, 1 << 16), 4
TPACKET_V3 = 2
PACKET_MR_PROMISC = 1
ETH_P_ALL = 3
NOTHING_YET = 0
ARPHRD_LOOPBACK = 772
# A block also ends when RETIRE_MS are over, so blocks times RETIRE_MS is how long a ring lasts without a worker
# on a quiet link: 10 s at 64 MiB, 2.6 s at 4. A block must hold the largest frame, 64 KiB with segmentation offload.
BLOCK_BYTES, LEAST_BLOCK_BYTES = 512 << 10, 128 << 10
BLOCKS, LEAST_MIB = 32, 2
HEAD_BYTES = 88  # tpacket3_hdr, sockaddr_ll and what aligns the frame, beside each frame
FRAME_BYTES = 2048
RETIRE_MS = 80


@dataclass(frozen=True, slots=True)
class Ring:
    """A bound capture socket and the geometry a worker needs to map it."""

    sock: socket.socket
    blocks: int
    block_bytes: int = BLOCK_BYTES
    group: int = 0
    """PACKET_FANOUT's argument to join the group that is ours alone; 0: it has none, or others are in it"""
    number: int = 0
    """how many rings its interface had before"""

    @property
    def mib(self) -> int:
        """Its size."""
        return self.blocks * self.block_bytes >> 20

    def have_packets(self, place: int) -> None:
        """From now on all packets are for the ring at this place of our group, in the order of joining.

        No packet comes twice or not at all; on return the others get none. One that is alone has every place.
        """
        bpf.attach(self.sock, ((bpf.RETURN_CONSTANT, 0, 0, place),), SOL_PACKET, PACKET_FANOUT_DATA)

    @property
    def is_attached(self) -> bool:
        """Its interface is still there; one that went away and came back is another, even with the same number."""
        return bool(self.sock.getsockname()[0])

    def forget_drops(self) -> int:
        """Packets it could not hold so far; the kernel counts anew from here."""
        statistics = self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)
        return int(struct.unpack("@3I", statistics)[1])

    def refilter(self, program: bpf.Program) -> None:
        """From the next packet on the kernel lets in what `program` says; those in the ring stay."""
        bpf.attach(self.sock, program or bpf.EVERYTHING)

    def set_promisc(self, ifindex: int, *, promisc: bool) -> None:
        """The interface is promiscuous as long as one socket wants it; asked twice it must be told twice."""
        member = struct.pack("@iHH8s", ifindex, PACKET_MR_PROMISC, 0, b"")
        with suppress(OSError):  # the interface is down or gone: a new ring will ask for it
            what = PACKET_ADD_MEMBERSHIP if promisc else PACKET_DROP_MEMBERSHIP
            self.sock.setsockopt(SOL_PACKET, what, member)

    def close(self) -> None:
        """The kernel frees the ring when the last worker has unmapped it."""
        self.sock.close()


def fanout_of(capture: CaptureSettings) -> int:
    """The argument of PACKET_FANOUT (packet(7)): group and mode; 0 for none."""
    return capture.fanout_group | FANOUT_MODES[capture.fanout_mode] << 16 if capture.fanout_group else 0


def open_ring(
    interface: str, ifindex: int, ring_mib: int, program: bpf.Program, *, promisc: bool, fanout: int = 0
) -> Ring:
    """A ring on `interface`. Filter before bind: nothing unfiltered ever gets in.

    Nor does anything before it is in its `fanout` group, whose others have it; OF_ITS_OWN makes a new group.
    """
    try:
        # Protocol 0: no packet is queued until bind names the interface.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise FlowherdError(f"{interface}: capturing needs root; run it with sudo") from error
    try:
        sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        bpf.attach(sock, bpf.NOTHING if fanout else program)
        mib = _allocate(sock, interface, ring_mib)
        _bind(sock, interface, ifindex, promisc=promisc)
        if fanout:
            _join(sock, interface, fanout)
            bpf.attach(sock, program or bpf.EVERYTHING)
    except BaseException:
        sock.close()
        raise
    return Ring(sock, (mib << 20) // block_bytes_of(mib), block_bytes_of(mib), _own_group(sock))


def block_bytes_of(ring_mib: int) -> int:
    """Small rings have small blocks, but no fewer: they last as long on a quiet link, and a busy one is not theirs."""
    shared = 1 << (((ring_mib << 20) // BLOCKS).bit_length() - 1)
    return min(max(shared, LEAST_BLOCK_BYTES), BLOCK_BYTES)


def _own_group(sock: socket.socket) -> int:
    """Read back: which number was free."""
    fanout = sock.getsockopt(SOL_PACKET, PACKET_FANOUT)
    number, kind = fanout & 0xFFFF, fanout & 0xFF0000
    return number | kind | _outgoing(sock) if kind == FANOUT_BY_PROGRAM else 0


def _is_loopback(sock: socket.socket) -> bool:
    """There each packet goes out and comes in again: as libpcap does, we only take it when it comes."""
    return bool(sock.getsockname()[3] == ARPHRD_LOOPBACK)


def _outgoing(sock: socket.socket) -> int:
    return FANOUT_IGNORES_OUTGOING if _is_loopback(sock) else 0


def _join(sock: socket.socket, interface: str, fanout: int) -> None:
    why = ""
    for number in random.sample(OWN_NUMBERS, TRIES) if fanout == OF_ITS_OWN else [0]:
        try:
            sock.setsockopt(SOL_PACKET, PACKET_FANOUT, fanout | number | _outgoing(sock))
        except OSError as error:
            why = str(error.strerror)
        else:
            return
    raise FlowherdError(
        f"{interface}: fanout group {fanout & 0xFFFF} cannot be joined: {why}; its members must all be "
        "on this interface and share one --fanout-mode"
    )


def _bind(sock: socket.socket, interface: str, ifindex: int, *, promisc: bool) -> None:
    try:
        sock.bind((interface, NOTHING_YET))
        if _is_loopback(sock):
            with suppress(OSError):  # before Linux 4.20
                sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.bind((interface, ETH_P_ALL))
        if promisc:
            member = struct.pack("@iHH8s", ifindex, PACKET_MR_PROMISC, 0, b"")
            sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, member)
    except OSError as error:
        raise FlowherdError(f"{interface}: cannot be captured: {error.strerror}") from error


def _allocate(sock: socket.socket, interface: str, asked: int) -> int:
    """Ask for the ring, by halves when the kernel has no room; the MiB it gave."""
    mib = asked
    while True:
        try:
            sock.setsockopt(SOL_PACKET, PACKET_RX_RING, _request(mib))
        except OSError as error:
            if error.errno != errno.ENOMEM or mib <= LEAST_MIB:
                raise FlowherdError(
                    f"{interface}: the kernel has no room for a capture ring, neither of the {asked} MiB asked nor of "
                    f"{mib}: {error.strerror}; free some memory, or set --ring-mib lower"
                ) from error
            mib //= 2
        else:
            return mib


def _request(mib: int) -> bytes:
    """As struct tpacket_req3: blocks, frames, retire time, private size, features."""
    block_bytes = block_bytes_of(mib)
    blocks, frames = (mib << 20) // block_bytes, (mib << 20) // FRAME_BYTES
    return struct.pack("@7I", block_bytes, blocks, FRAME_BYTES, frames, RETIRE_MS, 0, 0)
