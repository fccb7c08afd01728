"""Capture files built by struct: pcap in every byte order and unit, pcapng block by block."""

import struct

PCAP_MAGIC = {1000: 0xA1B2C3D4, 1: 0xA1B23C4D}
PATCHED = 0xA1B2CD34
SECOND = 10**9


def pcap(frames, order="<", unit=1000, link=1, patched=False, snaplen=65535):
    """A pcap file of (time_ns, bytes[, length])."""
    magic = PATCHED if patched else PCAP_MAGIC[unit]
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)]
    for time_ns, data, *length in frames:
        wire = length[0] if length else len(data)
        out.append(struct.pack(order + "IIII", time_ns // SECOND, time_ns % SECOND // unit, len(data), wire))
        out += [bytes(8)] * patched + [data]
    return b"".join(out)


class Pcapng:
    """Blocks of one byte order, joined by `bytes()`."""

    def __init__(self, order="<"):
        self.order, self.blocks = order, []

    def __bytes__(self):
        return b"".join(self.blocks)

    def block(self, kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack(self.order + "I", len(body) + 12)
        self.blocks.append(struct.pack(self.order + "I", kind) + size + body + size)
        return self

    def section(self, order=None, comment=b""):
        self.order = order or self.order
        options = struct.pack(self.order + "HH", 1, len(comment)) + comment if comment else b""
        return self.block(0x0A0D0D0A, struct.pack(self.order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options)

    def interface(self, link=1, resolution=None, offset_s=None, snaplen=0, name=b""):
        given = {2: name or None, 9: resolution, 14: offset_s}
        forms = {2: f"{len(name)}s", 9: "B", 14: "q"}
        options = b""
        for code in (code for code, value in given.items() if value is not None):
            packed = struct.pack(self.order + forms[code], given[code])
            options += struct.pack(self.order + "HH", code, len(packed)) + packed + bytes(-len(packed) % 4)
        options += bytes(4) if options else b""
        return self.block(1, struct.pack(self.order + "HHI", link, 0, snaplen) + options)

    def enhanced(self, interface, stamp, data, length=None):
        head = struct.pack(
            self.order + "5I", interface, stamp >> 32, stamp & 0xFFFFFFFF, len(data), length or len(data)
        )
        return self.block(6, head + data)

    def old(self, interface, stamp, data, length=None):
        head = struct.pack(
            self.order + "HHIIII",
            interface,
            0,
            stamp >> 32,
            stamp & 0xFFFFFFFF,
            len(data),
            length or len(data),
        )
        return self.block(2, head + data)

    def simple(self, data, length=None):
        return self.block(3, struct.pack(self.order + "I", length or len(data)) + data)
