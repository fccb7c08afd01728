"""Filter expression to kernel bytecode: set by pcapy-ng on a live handle of that interface, read back.

A bare compile lacks the kernel's VLAN metadata, and `vlan 10` would match nothing; a live handle has it.
"""

import ctypes
import errno
import os
import socket
import struct

from shared.errors import ConfigurationError, FlowherdError
from shared.settings import CaptureSettings

SO_ATTACH_FILTER = 26
SO_GET_FILTER = 26
INSTRUCTION = struct.Struct("=HBBI")  # struct sock_filter: code, jump if true, jump if false, k
PROGRAM_LIMIT = 4096
RETURN_CONSTANT = 0x06

WHOLE = 65535
# What the headers that are read take at most: Ethernet, two tags beside the one the kernel takes out, three labels,
# IPv6 with 120 bytes of extension headers, TCP with all its options: 14 + 8 + 12 + 40 + 120 + 60 = 254.
HEADERS = 256

Program = tuple[tuple[int, int, int, int], ...]
EVERYTHING: Program = ((RETURN_CONSTANT, 0, 0, 0xFFFFFFFF),)
NOTHING: Program = ((RETURN_CONSTANT, 0, 0, 0),)


def snaplen_of(capture: CaptureSettings, *, mirror: bool = False) -> int:
    """Bytes kept of each packet: as asked, or no more than is read of it.

    What a mirror wraps lies deeper; libpcap's batches tell no length but that of what was kept.
    """
    reads_headers = not capture.decode and not mirror and capture.capture == "ring"
    return capture.snaplen or (HEADERS if reads_headers else WHOLE)


def program_of(interface: str, capture: CaptureSettings, *, mirror: bool = False) -> Program:
    """What an interface's filter lets in, as much of each packet as is read."""
    return compile_filter(interface, capture.filter, snaplen_of(capture, mirror=mirror))


def compile_filter(interface: str, expression: str, snaplen: int) -> Program:
    """The program that keeps `snaplen` bytes of what `expression` matches; empty: keep everything."""
    if expression.strip():
        return shortened(_by_libpcap(interface, expression), snaplen)
    return ((RETURN_CONSTANT, 0, 0, snaplen),) if snaplen < WHOLE else ()


def shortened(program: Program, snaplen: int) -> Program:
    """The same program with every accepting return cut to `snaplen` bytes."""
    return tuple(
        (code, true, false, min(k, snaplen)) if code == RETURN_CONSTANT else (code, true, false, k)
        for code, true, false, k in program
    )


def attach(
    sock: socket.socket, program: Program, level: int = socket.SOL_SOCKET, option: int = SO_ATTACH_FILTER
) -> None:
    """Have the kernel run `program` on each frame before it reaches the ring, or wherever the option says."""
    if not program:
        return
    text = ctypes.create_string_buffer(b"".join(INSTRUCTION.pack(*line) for line in program))
    sock.setsockopt(level, option, struct.pack("@HP", len(program), ctypes.addressof(text)))


def _by_libpcap(interface: str, expression: str) -> Program:
    import pcapy

    try:
        handle = pcapy.open_live(interface, WHOLE, 0, 10)
    except pcapy.PcapError as error:
        raise FlowherdError(f"{interface}: libpcap cannot open it to compile the filter: {error}") from error
    try:
        handle.setfilter(expression)
        return _read_back(handle.getfd())
    except pcapy.PcapError as error:
        raise ConfigurationError(f"filter {expression!r} on {interface}: {error}") from error
    finally:
        handle.close()


def _read_back(fd: int) -> Program:
    # The length counts instructions, not bytes, which socket.getsockopt cannot know.
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(PROGRAM_LIMIT * INSTRUCTION.size)
    count = ctypes.c_uint(PROGRAM_LIMIT)
    if libc.getsockopt(fd, socket.SOL_SOCKET, SO_GET_FILTER, text, ctypes.byref(count)):
        number = ctypes.get_errno()
        raise FlowherdError(f"cannot read a filter back from the kernel: {os.strerror(number or errno.EIO)}")
    return tuple(INSTRUCTION.iter_unpack(text.raw[: count.value * INSTRUCTION.size]))
