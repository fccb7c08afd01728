"""Pure: a filter program that refuses in the kernel what sampling would not keep, so that the ring never sees it.

It refuses only unfragmented, untagged TCP and UDP, straight over IPv4 or IPv6, on a link of Ethernet frames, whose
ports the worker would read too; all else passes to the worker, which decides by the same hash (shared/sampling.py).
Classic BPF: accumulator A, index X, scratch memory M; jumps lead forward only (linux/filter.h).
"""

from collections.abc import Mapping, Sequence

from shared.sampling import MULTIPLIERS, SHIFTS, Sampling
from supervisor.bpf import PROGRAM_LIMIT, RETURN_CONSTANT, Program

ETHERNET_FRAMES = frozenset({1, 772})  # ARPHRD_ETHER, ARPHRD_LOOPBACK of linux/if_arp.h
SNAPLEN_LEAST = 58  # Ethernet, IPv6 and ports
VLAN_TAG_PRESENT = 0xFFFFF000 + 48  # SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT
IMMEDIATE, LENGTH, WORD_AT, HALF_AT, BYTE_AT, HALF_AT_X = 0x00, 0x80, 0x20, 0x28, 0x30, 0x48
LOAD_MEMORY, X_FROM_MEMORY, X_FROM_HEADER_LENGTH, STORE, TO_X, FROM_X = 0x60, 0x61, 0xB1, 0x02, 0x07, 0x87
ADD, ADD_X, MULTIPLY, AND, OR_X, XOR, XOR_X, LEFT, RIGHT = (
    0x04,
    0x0C,
    0x24,
    0x54,
    0x4C,
    0xA4,
    0xAC,
    0x64,
    0x74,
)
JUMP, IF_EQUAL, IF_MORE, IF_AT_LEAST, IF_AT_LEAST_X, IF_ANY = 0x05, 0x15, 0x25, 0x35, 0x3D, 0x45
TCP, UDP = 6, 17
PROTO, SRC, DST = 0, 1, 2  # places in M

# An instruction is (code, k), a jump (code, k, label if true, label if false; "" is the next one), a label a text.
Line = tuple[int, int] | tuple[int, int, str, str] | str
PASS, KEEP, REFUSE = "pass", "keep", "refuse"
MIX: tuple[Line, ...] = (
    *((TO_X, 0), (RIGHT, SHIFTS[0]), (XOR_X, 0), (MULTIPLY, MULTIPLIERS[0])),
    *((TO_X, 0), (RIGHT, SHIFTS[1]), (XOR_X, 0), (MULTIPLY, MULTIPLIERS[1])),
    *((TO_X, 0), (RIGHT, SHIFTS[2]), (XOR_X, 0)),
)


def with_sampling(program: Program, sampling: Sampling, snaplen: int) -> Program:
    """`program`, sampling what it accepts; as it was when both together are too long for the kernel."""
    accepted = [k for code, _, _, k in program if code == RETURN_CONSTANT and k]
    tail = sampling_program(sampling, max(accepted, default=snaplen))
    if sampling.keeps_all or len(program) + len(tail) > PROGRAM_LIMIT or (program and not accepted):
        return program
    onward = (
        (JUMP, 0, 0, len(program) - place - 1) if line[0] == RETURN_CONSTANT and line[3] else line
        for place, line in enumerate(program)
    )
    return (*onward, *tail)


def sampling_program(sampling: Sampling, snaplen: int) -> Program:
    """Keep `snaplen` bytes of what is sampled and of what it cannot tell."""
    lines: tuple[Line, ...] = (
        *_untagged(),
        *_ipv4_checks(snaplen),
        *_ipv6_checks(),
        *(PASS, (RETURN_CONSTANT, snaplen)),
        *("ipv4", *_store_protocol()),
        *_end(sampling.end_key, (26,), ((X_FROM_HEADER_LENGTH, 14), (HALF_AT_X, 14)), SRC),
        *_end(sampling.end_key, (30,), ((X_FROM_HEADER_LENGTH, 14), (HALF_AT_X, 16)), DST),
        (JUMP, 0, "decide", ""),
        *("ipv6", *_store_protocol()),
        *_end(sampling.end_key, (22, 26, 30, 34), ((HALF_AT, 54),), SRC),
        *_end(sampling.end_key, (38, 42, 46, 50), ((HALF_AT, 56),), DST),
        *("decide", (LOAD_MEMORY, SRC), (X_FROM_MEMORY, DST), (ADD_X, 0), (XOR, sampling.pair_key), *MIX),
        (IF_AT_LEAST, sampling.sample_below, REFUSE, KEEP),
        *(KEEP, (RETURN_CONSTANT, snaplen)),
        *(REFUSE, (RETURN_CONSTANT, 0)),
    )
    return assembled(lines)


def _untagged() -> tuple[Line, ...]:
    """No tag in the kernel's metadata, long enough for IPv4 and ports, an EtherType that is IP."""
    return (
        *((WORD_AT, VLAN_TAG_PRESENT), (IF_EQUAL, 0, "", PASS)),
        *((LENGTH, 0), (IF_AT_LEAST, 38, "", PASS)),
        *((HALF_AT, 12), (IF_EQUAL, 0x86DD, "ipv6 checks", ""), (IF_EQUAL, 0x0800, "", PASS)),
    )


def _ipv4_checks(snaplen: int) -> tuple[Line, ...]:
    """X holds the length of the header, then with ports, then with Ethernet too."""
    return (
        *((BYTE_AT, 14), (AND, 0xF0), (IF_EQUAL, 0x40, "", PASS)),
        *((HALF_AT, 20), (IF_ANY, 0x3FFF, PASS, "")),  # more fragments, or an offset
        *((X_FROM_HEADER_LENGTH, 14), (FROM_X, 0), (IF_AT_LEAST, 20, "", PASS)),
        *((ADD, 4), (TO_X, 0), (HALF_AT, 16), (IF_AT_LEAST_X, 0, "", PASS)),
        *((FROM_X, 0), (ADD, 14), (TO_X, 0), (IF_MORE, snaplen, PASS, "")),
        *((LENGTH, 0), (IF_AT_LEAST_X, 0, "", PASS)),
        *((BYTE_AT, 23), (IF_EQUAL, TCP, "ipv4", ""), (IF_EQUAL, UDP, "ipv4", PASS)),
    )


def _ipv6_checks() -> tuple[Line, ...]:
    return (
        *("ipv6 checks", (LENGTH, 0), (IF_AT_LEAST, SNAPLEN_LEAST, "", PASS)),
        *((BYTE_AT, 14), (AND, 0xF0), (IF_EQUAL, 0x60, "", PASS)),
        *((HALF_AT, 18), (IF_AT_LEAST, 4, "", PASS)),
        *((BYTE_AT, 20), (IF_EQUAL, TCP, "ipv6", ""), (IF_EQUAL, UDP, "ipv6", PASS)),
    )


def _store_protocol() -> tuple[Line, ...]:
    """The checks leave it in A."""
    return (LEFT, 16), (STORE, PROTO)


def _end(key: int, address: Sequence[int], port: Sequence[Line], place: int) -> tuple[Line, ...]:
    """The hash of one end into M[place]; `port` leaves the port in A."""
    words = [line for at in address for line in ((TO_X, 0), (WORD_AT, at), (XOR_X, 0), *MIX)]
    ported = (*port, (X_FROM_MEMORY, PROTO), (OR_X, 0), (X_FROM_MEMORY, place), (XOR_X, 0), *MIX)
    return ((IMMEDIATE, key), *words, (STORE, place), *ported, (STORE, place))


def assembled(lines: Sequence[Line]) -> Program:
    """Labels to distances."""
    places: dict[str, int] = {}
    code: list[tuple[int, int] | tuple[int, int, str, str]] = []
    for line in lines:
        if isinstance(line, str):
            places[line] = len(code)
        else:
            code.append(line)
    return tuple(_instruction(line, place, places) for place, line in enumerate(code))


def _instruction(
    line: tuple[int, int] | tuple[int, int, str, str], place: int, places: Mapping[str, int]
) -> tuple[int, int, int, int]:
    """As struct sock_filter has it: code, distance if true, if false, k; a plain jump's distance is its k."""
    labels = line[2:] if len(line) == 4 else ("", "")
    true, false = (places[label] - place - 1 if label else 0 for label in labels)
    return (JUMP, 0, 0, true) if line[0] == JUMP else (line[0], true, false, line[1])
