"""Step 1: AF_PACKET with a TPACKET_V3 ring, filtered and bound here; workers only map it.

Constants and layouts: linux/if_packet.h and the kernel's packet_mmap document.
"""

import errno
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
FANOUT_MODES = {"hash": 0, "lb": 1, "cpu": 2}
FANOUT_IGNORES_OUTGOING = 0x4000 << 16
TPACKET_V3 = 2
PACKET_MR_PROMISC = 1
ETH_P_ALL = 3
NOTHING_YET = 0
ARPHRD_LOOPBACK = 772
# A block also ends when RETIRE_MS are over, so blocks times RETIRE_MS is how long a ring lasts without a worker
# on a quiet link: 10 s at 64 MiB. A block must hold the largest frame, 64 KiB with segmentation offload.
BLOCK_BYTES = 512 << 10
BLOCKS_A_MIB = (1 << 20) // BLOCK_BYTES
FRAME_BYTES = 2048
RETIRE_MS = 80


@dataclass(frozen=True, slots=True)
class Ring:
    """A bound capture socket and the geometry a worker needs to map it."""

    sock: socket.socket
    blocks: int

    @property
    def mib(self) -> int:
        """Its size."""
        return self.blocks // BLOCKS_A_MIB

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

    Nor does anything before it is in its `fanout` group, whose others have it.
    """
    try:
        # Protocol 0: no packet is queued until bind names the interface.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise FlowherdError(f"{interface}: capturing needs root; run it with sudo") from error
    try:
        sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        bpf.attach(sock, bpf.NOTHING if fanout else program)
        blocks = _allocate(sock, interface, ring_mib * BLOCKS_A_MIB)
        _bind(sock, interface, ifindex, promisc=promisc)
        if fanout:
            _join(sock, interface, fanout)
            bpf.attach(sock, program or bpf.EVERYTHING)
    except BaseException:
        sock.close()
        raise
    return Ring(sock, blocks)


def _is_loopback(sock: socket.socket) -> bool:
    """There each packet goes out and comes in again: as libpcap does, we only take it when it comes."""
    return bool(sock.getsockname()[3] == ARPHRD_LOOPBACK)


def _join(sock: socket.socket, interface: str, fanout: int) -> None:
    fanout |= FANOUT_IGNORES_OUTGOING if _is_loopback(sock) else 0
    try:
        sock.setsockopt(SOL_PACKET, PACKET_FANOUT, fanout)
    except OSError as error:
        raise FlowherdError(
            f"{interface}: fanout group {fanout & 0xFFFF} cannot be joined: {error.strerror}; its members must all be "
            "on this interface and share one --fanout-mode"
        ) from error


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
    """Ask for the ring, by halves when the kernel has no room; the number of blocks it gave."""
    blocks = asked
    while True:
        try:
            sock.setsockopt(SOL_PACKET, PACKET_RX_RING, _request(blocks))
        except OSError as error:
            if error.errno != errno.ENOMEM or blocks <= 2 * BLOCKS_A_MIB:
                raise FlowherdError(
                    f"{interface}: the kernel has no room for a capture ring, neither of the "
                    f"{asked // BLOCKS_A_MIB} MiB asked nor of {blocks // BLOCKS_A_MIB}: {error.strerror}; free some "
                    "memory, or set --ring-mib lower"
                ) from error
            blocks //= 2
        else:
            return blocks


def _request(blocks: int) -> bytes:
    """As struct tpacket_req3: blocks, frames, retire time, private size, features."""
    frames = blocks * (BLOCK_BYTES // FRAME_BYTES)
    return struct.pack("@7I", BLOCK_BYTES, blocks, FRAME_BYTES, frames, RETIRE_MS, 0, 0)
