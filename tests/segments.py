"""TCP segments and UDP datagrams from their fields, as frames of bare IP, and random connections made of them."""

import struct

from tests.naive_frames import ACK, FIN, RST, SYN, TCP, UDP

RAW_IP = 101
LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": 8, "A": ACK}
ADDRESSES = {
    4: (bytes([198, 51, 100, 1]), bytes([203, 0, 113, 2])),
    6: (bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "02")),
}
PORTS = (40000, 80)


def segment(
    way, flags="A", seq=0, ack=0, *, payload=0, window=8000, shift=None, mss=None, version=4, ports=PORTS
):  # fmt: skip
    """A TCP segment sent by the client (way 0) or the server (1); `payload` are its octets, or how many zeros."""
    options = b"" if mss is None else struct.pack(">BBH", 2, 4, mss)
    options += b"" if shift is None else bytes([1, 3, 3, shift])
    bits = sum(LETTERS[letter] for letter in flags)
    ports = ports if way == 0 else ports[::-1]
    numbers = (seq % 2**32, ack % 2**32)
    header = struct.pack(">HHIIBBHHH", *ports, *numbers, (20 + len(options)) << 2, bits, window, 0, 0)
    return packet(way, TCP, header + options + octets(payload), version)


def datagram(way, payload=0, version=4, ports=PORTS):
    """The same over UDP."""
    data = octets(payload)
    ports = ports if way == 0 else ports[::-1]
    return packet(way, UDP, struct.pack(">HHHH", *ports, 8 + len(data), 0) + data, version)


def octets(payload):
    return bytes(payload) if isinstance(payload, int) else payload


def packet(way, proto, data, version=4):
    """An IP packet; longer than 65535 octets is not what it is for."""
    src, dst = ADDRESSES[version] if way == 0 else ADDRESSES[version][::-1]
    if version == 6:
        return struct.pack(">IHBB", 6 << 28, len(data), proto, 64) + src + dst + data
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0x4000, 64, proto, 0)
    return head + src + dst + data


class Chatter:
    """A random connection: mostly orderly, with everything that goes wrong; `next()` is one more segment's fields."""

    def __init__(self, rng):
        self.rng = rng
        near_wrap = rng.random() < 0.4
        self.next = [2**32 - rng.randrange(3000) if near_wrap else rng.getrandbits(32) for _ in range(2)]
        self.sent, self.again = [[], []], [None, None]
        self.opening = [(0, "S"), (1, "SA"), (0, "A")] if rng.random() < 0.8 else []
        self.scaled = [rng.choice([None, 0, 2, 7, 14, 200]) for _ in range(2)]

    def __next__(self):
        rng = self.rng
        if self.opening and rng.random() < 0.85:
            way, flags = self.opening.pop(0)
        else:
            way, flags = rng.randrange(2), rng.choice(["A"] * 14 + ["PA", "FA", "R", "RA", "S", "SA", ""])
        mishap = rng.choice(["none"] * 12 + ["again"] * 4 + ["old", "gap", "alive", "jump", "overlap"])
        fields = self.orderly(way, flags)
        if mishap == "again" and self.sent[way]:
            if self.again[way] is None or rng.random() < 0.3:
                self.again[way] = rng.choice(self.sent[way][-4:])
            fields["seq"], fields["payload"] = self.again[way]
        elif mishap == "alive":
            fields |= {"seq": self.next[way] - 1, "payload": rng.choice([0, 1, 1, 2])}
        else:
            moved = {"old": -rng.randrange(1, 5000), "gap": rng.randrange(1, 5000), "overlap": -5}
            moved["jump"] = rng.choice([2**31, 2**31 - 1, -(2**31) + 1, -(2**16), -(2**16) - 1, 2**20])
            fields["seq"] += moved.get(mishap, 0)
            self.sent[way].append((fields["seq"], fields["payload"]))
            if mishap in ("none", "gap", "overlap"):
                span = fields["payload"] + ("S" in flags) + ("F" in flags)
                self.next[way] = (fields["seq"] + span) % 2**32
        return fields

    def orderly(self, way, flags):
        """What the side would send if nothing went wrong."""
        rng = self.rng
        shift = self.scaled[way] if "S" in flags else None
        return {
            "way": way,
            "flags": flags,
            "seq": self.next[way],
            "ack": (self.next[1 - way] - rng.choice([0, 0, 0, 1, 1000])) % 2**32,
            "payload": 0
            if "S" in flags and rng.random() < 0.9
            else rng.choice([0, 0, 1, 10, 1000, 1460, 4000]),
            "window": rng.choice([0, 1, 1000, 1000, 65535]),
            "shift": shift,
            "mss": rng.choice([None, 536, 1460]) if "S" in flags else None,
        }
