"""Octets as people write them: printable text, numbers, addresses (kernel).

What is UTF-8 stays UTF-8; octets that are not are left for whoever makes a string of the text to replace.
"""

import numpy as np

from worker.decoders.cells import put
from worker.jit import called, inlined
from worker.octets import Int, Octets, be16, be32, octet

DOT, COLON, BACKSLASH, ZERO = 0x2E, 0x3A, 0x5C, 0x30
LETTER_TEN = 0x61 - 10  # "a" is ten
DELETE = 0x7F
BELL, RETURN = 7, 13
LETTERS = int.from_bytes(b"abtnvfr", "little")  # what stands for BELL to RETURN behind a backslash
MAPPED = int.from_bytes(b"::ffff:", "little")


@inlined
def put_word(out: Octets, x: Int, word: Int) -> None:
    """Append up to seven characters held in a number, first one lowest."""
    while word:
        put(out, x, word & 0xFF)
        word >>= 8


@called
def put_printable(out: Octets, x: Int, buf: Octets, at: Int, end: Int) -> None:
    r"""Append buf[at:end]; control characters as \n or \177, as tshark and C write them."""
    used = np.int64(x.used)  # in a register: x is memory that `out` might be, for all the compiler knows
    for i in range(at, end):
        value = octet(buf, i)
        if value >= 0x20 and value != DELETE:
            if used < len(out):
                out[used] = np.uint8(value)
                used += 1
        else:
            x.used = used
            put_escaped(out, x, value)
            used = np.int64(x.used)
    x.used = used


@inlined
def put_escaped(out: Octets, x: Int, value: Int) -> None:
    """Append a control character by its letter, or else in octal."""
    put(out, x, BACKSLASH)
    if BELL <= value <= RETURN:
        put(out, x, LETTERS >> 8 * (value - BELL) & 0xFF)
    else:
        put(out, x, ZERO + (value >> 6))
        put(out, x, ZERO + (value >> 3 & 7))
        put(out, x, ZERO + (value & 7))


@inlined
def put_octet(out: Octets, x: Int, value: Int) -> None:
    """Append 0 to 255 in decimal."""
    if value >= 100:
        put(out, x, ZERO + value // 100)
    if value >= 10:
        put(out, x, ZERO + value // 10 % 10)
    put(out, x, ZERO + value % 10)


@inlined
def put_digit(out: Octets, x: Int, value: Int) -> None:
    """Append one hexadecimal digit."""
    put(out, x, value + (ZERO if value < 10 else LETTER_TEN))


@inlined
def put_ipv4(out: Octets, x: Int, buf: Octets, at: Int) -> None:
    """Append the address at buf[at : at + 4]."""
    for i in range(4):
        if i:
            put(out, x, DOT)
        put_octet(out, x, octet(buf, at + i))


@called
def put_ipv6(out: Octets, x: Int, buf: Octets, at: Int) -> None:
    """Append the address at buf[at : at + 16] as RFC 5952 has it."""
    if be32(buf, at) | be32(buf, at + 4) == 0 and be32(buf, at + 8) == 0xFFFF:
        put_word(out, x, MAPPED)
        put_ipv4(out, x, buf, at + 12)
        return
    first, behind = longest_zeros(buf, at)
    group = 0
    while group < 8:
        if group == first:
            put(out, x, COLON)
            put(out, x, COLON)
            group = behind
            continue
        if group not in (0, behind):
            put(out, x, COLON)
        put_group(out, x, be16(buf, at + 2 * group))
        group += 1


@inlined
def longest_zeros(buf: Octets, at: Int) -> Int:
    """Where the groups that "::" stands for begin and end: the longest run of two or more, the first of equals."""
    first, behind, run = -1, -1, 0
    for group in range(8):
        run = run + 1 if be16(buf, at + 2 * group) == 0 else 0
        if run > max(1, behind - first):
            first, behind = group + 1 - run, group + 1
    return first, behind


@inlined
def put_group(out: Octets, x: Int, value: Int) -> None:
    """Append sixteen bits in hexadecimal without leading zeros."""
    if value >= 0x1000:
        put_digit(out, x, value >> 12)
    if value >= 0x100:
        put_digit(out, x, value >> 8 & 15)
    if value >= 0x10:
        put_digit(out, x, value >> 4 & 15)
    put_digit(out, x, value & 15)


@inlined
def put_mac(out: Octets, x: Int, buf: Octets, at: Int) -> None:
    """Append buf[at : at + 6] as aa:bb:cc:dd:ee:ff."""
    for i in range(6):
        if i:
            put(out, x, COLON)
        put_digit(out, x, octet(buf, at + i) >> 4)
        put_digit(out, x, octet(buf, at + i) & 15)
