"""Hellos of TLS built octet by octet, and JA4_r once more, from lists instead of octets."""

import itertools
import struct

CLIENT, SERVER = 1, 2
NAME, VERSIONS, ALPN, ALGORITHMS = 0, 43, 16, 13
CIPHERS = (0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9)
CIPHERS += (0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035)


def words(*values):
    return b"".join(value.to_bytes(2, "big") for value in values)


def sized(content, octets=2):
    return len(content).to_bytes(octets, "big") + content


def name(host, kind=0):
    return NAME, sized(bytes([kind]) + sized(host))


def alpn(*protocols):
    return ALPN, sized(b"".join(sized(protocol, 1) for protocol in protocols))


def versions(*offered):
    return VERSIONS, sized(words(*offered), 1)


def algorithms(*offered):
    return ALGORITHMS, sized(words(*offered))


def extensions(listed):
    return sized(b"".join(words(kind) + sized(body) for kind, body in listed))


def client_hello(*listed, ciphers=CIPHERS, version=0x0303, session=bytes(32), methods=b"\0"):
    """The message; without extensions if `listed` is (None,)."""
    body = words(version) + bytes(range(32)) + sized(session, 1) + sized(words(*ciphers)) + sized(methods, 1)
    return bytes([CLIENT]) + sized(body + (b"" if listed == (None,) else extensions(listed)), 3)


def server_hello(*listed, cipher=0xC02F, version=0x0303, session=b""):
    body = words(version) + bytes(range(32)) + sized(session, 1) + words(cipher) + b"\0"
    return bytes([SERVER]) + sized(body + (extensions(listed) if listed else b""), 3)


def record(fragment, kind=22, version=0x0301):
    return bytes([kind]) + words(version) + sized(fragment)


def records(message, *cuts, version=0x0301):
    """The message in as many records as there are pieces."""
    places = (0, *cuts, len(message))
    return b"".join(record(message[a:b], version=version) for a, b in itertools.pairwise(places) if a < b)


def chrome(host=b"www.example.com"):
    """As in FoxIO's worked example of JA4, in another order and with GREASE: t13d1516h2_8daaf6152771_e5627efa2ab1."""
    return client_hello(
        (0x1A1A, b""),
        *((kind, bytes(3)) for kind in (0x001B, 0x0033, 0x4469, 0x0017, 0x002D)),
        name(host),
        algorithms(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
        *((kind, b"\0") for kind in (0x0005, 0x0023, 0x0012, 0xFF01, 0x000A, 0x000B, 0x0015)),
        alpn(b"h2", b"http/1.1"),
        versions(0x3A3A, 0x0304, 0x0303),
        (0x2A2A, b"\0"),
        ciphers=(0x9A9A, *CIPHERS),
    )


def is_grease(value):
    return value in {0x0A0A + 0x1010 * n for n in range(16)}


def raw_ja4(ciphers, listed, *, legacy=0x0303, offered=(), protocol=None, signed=(), letter="t"):
    """JA4_r by FoxIO's description (technical_details/JA4.md): extensions as (kind, body)."""
    ciphers = [value for value in ciphers if not is_grease(value)]
    kinds = [kind for kind, _ in listed if not is_grease(kind)]
    newest = max([value for value in offered if not is_grease(value)], default=legacy)
    label = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3"}.get(newest, "00")
    ends = "00"
    if protocol:
        ends = chr(protocol[0]) + chr(protocol[-1])
        if not (ends.isascii() and ends.isalnum()):
            ends = protocol.hex()[0] + protocol.hex()[-1]
    head = f"{letter}{label}{'d' if NAME in kinds else 'i'}{min(len(ciphers), 99):02}{min(len(kinds), 99):02}{ends}"
    parts = [ciphers, [kind for kind in kinds if kind not in (NAME, ALPN)]]
    texts = [head, *(",".join(f"{value:04x}" for value in sorted(part)) for part in parts)]
    signed = [f"{value:04x}" for value in signed if not is_grease(value)]
    return "_".join([*texts, ",".join(signed)] if signed else texts)


def unpacked(octets):
    """Two octets at a time."""
    return struct.unpack(f">{len(octets) // 2}H", octets)
