"""The oracle's reader of capture files: whole records before the first damage, by struct, from the format drafts."""

import gzip
import io
import struct
import zlib

from tests.zstandard import zstd

PCAP = {0xA1B2C3D4: (1000, 16), 0xA1B23C4D: (1, 16), 0xA1B2CD34: (1000, 24)}
PACKET_MOST = 262_144
LATEST_NS = 2**32 * 10**9  # later times, in pcapng alone, are brought back


class Damaged(Exception):  # noqa: N818 - it is an end, not an error
    """The rest of the file makes no sense or is missing."""


def frames(content):
    """([(time_ns, link, bytes, length)], whether the file is whole and a capture)."""
    found, whole = [], True
    if content[:2] == b"\x1f\x8b":
        content, whole = gunzipped(content)
    elif content[:4] == b"\x28\xb5\x2f\xfd" or content[1:4] == b"\x2a\x4d\x18":
        content, whole = unzstd(content)
    try:
        for frame in pcapng(content) if content[:4] == b"\x0a\x0d\x0d\x0a" else pcap(content):
            found.append(frame)  # noqa: PERF402 - what came before the damage counts
    except Damaged:
        whole = False
    return found, whole


def gunzipped(content):
    """What a gzip file holds up to its damage."""
    out, stream = bytearray(), gzip.GzipFile(fileobj=io.BytesIO(content))
    try:
        while piece := stream.read1(1000):
            out += piece
    except (OSError, EOFError, zlib.error):
        return bytes(out), False
    return bytes(out), True


def unzstd(content):
    """What a zstd file holds up to its damage: frame after frame, an octet at a time."""
    out, frame = bytearray(), zstd.ZstdDecompressor()
    try:
        for octet in content:
            frame = zstd.ZstdDecompressor() if frame.eof else frame
            out += frame.decompress(bytes([octet]))
    except zstd.ZstdError:
        return bytes(out), False
    return bytes(out), frame.eof


def cut(data, at, form):
    if at + struct.calcsize(form) > len(data):
        raise Damaged
    return struct.unpack_from(form, data, at)


def pcap(data):
    """draft-ietf-opsawg-pcap, and Kuznetzov's larger records."""
    order = next((o for o in "<>" if len(data) >= 24 and struct.unpack(o + "I", data[:4])[0] in PCAP), None)
    if order is None:
        raise Damaged
    magic, *_rest, link = struct.unpack(order + "IHHiIII", data[:24])
    unit, head = PCAP[magic]
    at = 24
    while at < len(data):
        seconds, part, captured, length = cut(data, at, order + "4I")
        if captured > PACKET_MOST or at + head + captured > len(data):
            raise Damaged
        yield seconds * 10**9 + part * unit, link & 0x03FFFFFF, data[at + head : at + head + captured], length
        at += head + captured


def pcapng(data):
    """draft-ietf-opsawg-pcapng."""
    at, order, interfaces = 0, "<", []
    while at < len(data):
        cut(data, at, "12x")
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(data[at + 8 : at + 12])
            interfaces = []
            if order is None:
                raise Damaged
        kind, size = struct.unpack_from(order + "II", data, at)
        step = -(-size // 4) * 4
        if size < 12 or at + size > len(data):
            raise Damaged
        body = data[at + 8 : at + size - 4]
        if kind == 1:
            interfaces.append(interface(body, order))
        elif kind in (2, 3, 6):
            yield packet(kind, body, order, interfaces)
        at += step


def interface(body, order):
    """(link type, units a second, offset in ns, snap length)."""
    link, _reserved, snaplen = cut(body, 0, order + "HHI")
    units, offset_ns, at = 10**6, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == 9 and value:
            units = 2 ** (value[0] & 127) if value[0] & 128 else 10 ** value[0]
        if code == 14 and len(value) == 8:
            offset_ns = struct.unpack(order + "q", value)[0] * 10**9
        at += 4 + -(-size // 4) * 4
    return link, units, offset_ns, snaplen


def packet(kind, body, order, interfaces):
    """An enhanced, old or simple packet block."""
    if kind == 3:
        if not interfaces:
            raise Damaged
        (length,) = cut(body, 0, order + "I")
        link, _units, _offset, snaplen = interfaces[0]
        captured = min(length, len(body) - 4, snaplen or length)
        return 0, link, body[4 : 4 + captured], length
    number, high, low, captured, length = cut(body, 0, order + ("5I" if kind == 6 else "Hxx4I"))
    if number >= len(interfaces) or 20 + captured > len(body) or captured > PACKET_MOST:
        raise Damaged
    link, units, offset_ns, _snaplen = interfaces[number]
    time_ns = (high << 32 | low) * 10**9 // units
    time_ns = LATEST_NS if time_ns >= LATEST_NS else min(max(time_ns + offset_ns, 0), LATEST_NS)
    return time_ns, link, body[20 : 20 + captured], length
