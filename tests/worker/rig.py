"""The kernels in this process: a table, frames or a capture file through them, their records as plain dicts."""

import io
import mmap
import os

import numpy as np

from shared.counters import drop_counter
from shared.elements import BY_NAME, ELEMENTS
from shared.reasons import Drop
from shared.sampling import sampling_of
from shared.vitals import INDEX
from worker.capture.files import FileSource
from worker.clock import ticks
from worker.expiry import end_all, sweep
from worker.layout import BLOCK_PACKETS, Rules, new_frames, open_table
from worker.meter import meter
from worker.recovery import adopt

SEED = 0x1234_5678_9ABC_DEF1
MASK = (1 << 64) - 1
TIMES = {"active": 15.0, "idle": 15.0, "forget": 60.0, "linger": 5.0}
COLUMNS = [element for element in ELEMENTS if element.scope == "row"]


class Kernels:
    """One flow table in memory; the oracle decodes no applications, so neither do these unless told."""

    def __init__(
        self, *, mtu=1500, max_flows=4096, size_bytes=8 << 20, keep=True, decode=False, sampling=(),
        translate=(), **seconds,
    ):  # fmt: skip
        self._keep = keep
        times = [ticks(seconds.get(name, usual)) for name, usual in TIMES.items()]
        lot = sampling_of(*sampling)._asdict() if sampling else {}
        rules = Rules(*times, mtu, decode=int(decode), **lot)
        self.memory = mmap.mmap(-1, size_bytes)
        self.table = open_table(self.memory, max_flows, rules, translate=translate)
        adopt(self.table)
        self.words = self.table.words
        self.words[INDEX["seed"]] = SEED
        self.packets = new_frames()
        self.records = []

    def __getitem__(self, name):
        return int(self.words[INDEX[name]])

    def __setitem__(self, name, value):
        self.words[INDEX[name]] = value

    def drain(self):
        """Take the records from the outbox."""
        capacity = len(self.table.outbox)
        places = np.arange(self["tail"], self["head"]) % capacity
        if self._keep:
            self.records += dicts(self.table.outbox[places])
        self["tail"] = self["head"]
        return self.records

    def feed(self, source, *, sweeping=False, most=BLOCK_PACKETS):
        """Meter a whole source."""
        while not source.ended:
            count = source.take(self.packets[:most])
            if count:
                meter(source.buf, self.packets, count, self.table)
            if sweeping:
                self.sweep()
            self.drain()

    def feed_only(self, source):
        """Meter it and leave the records in the outbox."""
        while not source.ended:
            meter(source.buf, self.packets, source.take(self.packets), self.table)

    def sweep(self, room=1 << 14):
        tick = (self["now_ns"] - self["base_ns"]) >> 24
        return sweep(self.table, tick, room)

    def finish(self):
        """Report everything; the records."""
        while end_all(self.table, 1000):
            self.drain()
        return self.drain()

    def drops(self):
        """Packets by verdict."""
        found = {Drop.ACCOUNTED: self["packets_accounted"]}
        return found | {drop: self[drop_counter(drop)] for drop in Drop if drop}

    def first_report(self, p):
        """Ticks to a new flow's first active time-out, as the kernel draws it from the keyed hash."""
        return 1 + (hash_of(p) * int(self.table.active) >> 32)


class Frames:
    """Frames in memory as a source: (time_ns, link, bytes[, length[, tags]])."""

    def __init__(self, frames):
        self._frames, self.at, self.ended = frames, 0, False
        self.buf = np.frombuffer(b"".join(frame[2] for frame in frames) or b"\0", np.uint8)
        self._place = 0

    def take(self, packets):
        count = 0
        for time_ns, link, data, *more in self._frames[self.at : self.at + len(packets)]:
            p = packets[count]
            length = max(more[0] or 0 if more else 0, len(data))
            tags = (*(more[1] if len(more) > 1 else ()), 0, 0)
            p["at"], p["end"], p["length"] = self._place, self._place + len(data), length
            p["time_ns"], p["link"], p["direction"] = time_ns, link, 0
            p["tags"], p["vlan"], p["inner_vlan"] = len(tags) - 2, tags[0], tags[1]
            count += 1
            p["next"] = self.at + count
            self._place += len(data)
        self.at += count
        self.ended = self.at >= len(self._frames)
        return count


class Bytes(io.FileIO):
    """A capture held in a file without a name."""

    def __init__(self, content):
        super().__init__(os.memfd_create("capture"), "r+")
        self.write(content)
        self.seek(0)


def source_of(content):
    """A capture file of these bytes as a source."""
    return FileSource(Bytes(content))


def metered(frames, **settings):
    """Kernels that have metered frames to the end, without sweeps: records fall when a flow's own packet comes."""
    kernels = Kernels(**settings)
    kernels.feed(Frames(frames))
    kernels.finish()
    return kernels


def dicts(rows):
    """Rows as dicts, absent as None, addresses as their octets."""
    return [{element.name: value_of(element, row) for element in COLUMNS} for row in rows]


def value_of(element, row):
    if element.kind == "address":
        octets = np.array([row[f"{element.name}_head"], row[f"{element.name}_tail"]], np.uint64).tobytes()
        return octets[12:] if row["ip_version"] == 4 else octets
    value = int(row[element.name])
    return None if element.absent is not None and value == BY_NAME[element.name].absent else value


def in_order(records):
    """Records as a multiset that can be compared."""
    return sorted(tuple(sorted(record.items())) for record in map(comparable, records))


def comparable(record):
    return {name: -1 if value is None else value for name, value in record.items()}


def hash_of(p):
    """The 32-bit keyed hash of a packet's flow key, again from its description."""
    ends = []
    for address, port in ((p.src, p.sport), (p.dst, p.dport)):
        octets = address.rjust(16, b"\0")
        head, tail = int.from_bytes(octets[:8], "little"), int.from_bytes(octets[8:], "little")
        ends.append((head, tail, port))
    low, high = sorted(ends)
    low_port, high_port = low[2], high[2]
    if p.icmp is not None:
        low_port = {(4, 0): 0x0800, (6, 0x8100): 0x8000}.get((p.version, p.icmp), p.icmp)
    h = mix(SEED, low_port << 24 | high_port << 8 | p.proto)
    h = mix(mix(h, low[1]), high[1])
    if low[0] | high[0]:
        h = mix(mix(h, low[0]), high[0])
    return (h * 0x94D049BB133111EB & MASK) >> 32


def mix(h, word):
    h = (h ^ word) * 0xBF58476D1CE4E5B9 & MASK
    return h ^ h >> 31
