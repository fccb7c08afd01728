"""The packet kernels as a whole, as plain Python: frames and segments made of any bytes, and what must hold of them."""

import struct

import numpy as np

from shared.record import TEXTS, Batch, texts
from shared.vitals import INDEX
from tests.segments import RAW_IP, datagram, segment
from tests.worker.rig import Frames, Kernels
from worker.expiry import end_all

LINKS = (1, 101, 113, 276, 0, 50, 104, 12)
PORTS = (80, 443, 53, 5432, 22, 9999, 67, 1812)
SPOKEN = (
    b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"POST /b HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01",
    b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01",
    b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00\x00\x00",
    b"\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03" + bytes(32) + b"\x00\x13\x01\x00\x00\x00",
    b"\x00\x00\x00\x12\x00\x03\x00\x00user\x00bob\x00\x00",
    b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    b"Q\x00\x00\x00\x0dselect 1\x00",
    b"C\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I",
)


class Source:
    """Numbers and octets out of a fuzzer's bytes; zeros when they are used up."""

    def __init__(self, data):
        self._data, self._at = data, 0

    @property
    def ended(self):
        return self._at >= len(self._data)

    def octet(self):
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def take(self, count):
        self._at += count
        return self._data[self._at - count : self._at]


def frames(data):
    """Whole frames of any octets, UDP datagrams, and segments of a few connections whose streams go on."""
    source, time_ns, sequences, out = Source(data), 1_700_000_000_000_000_000, {}, []
    while not source.ended and len(out) < 64:
        kind = source.octet()
        time_ns += (source.octet() ** 3) * 1000 * (1 if kind & 64 else 1000)
        if kind % 4 == 0:
            out.append((time_ns, LINKS[source.octet() % len(LINKS)], source.take(source.octet())))
            continue
        payload = bytearray(
            SPOKEN[source.octet() % len(SPOKEN)] if kind & 16 else source.take(source.octet())
        )
        if kind & 32 and payload:
            payload[source.octet() % len(payload)] = source.octet()
        if kind & 128:
            payload = payload[: source.octet() % (len(payload) + 1)]
        way, port = source.octet() % 2, PORTS[source.octet() % len(PORTS)]
        if kind % 4 == 1:
            out.append((time_ns, RAW_IP, at_port(datagram(way, bytes(payload)), way, port)))
            continue
        begin = sequences.get((way, port), 1000)
        shift = source.octet() - 128 if kind & 8 else 0
        flags = ("A", "PA", "S", "SA", "FA", "R")[source.octet() % 6 if kind % 4 == 3 else 0]
        data_out = segment(way, flags, begin + shift, 1, payload=bytes(payload))
        out.append((time_ns, RAW_IP, at_port(data_out, way, port)))
        sequences[way, port] = begin + shift + len(payload)
    return out


def at_port(packet, way, port):
    """The packet with another server port; IPv4 without options."""
    place = 22 if way == 0 else 20
    return packet[:place] + struct.pack(">H", port) + packet[place + 2 :]


def target(data):
    """No exception, no octet outside its frame, counters that add up, texts that can be read."""
    kernels = Kernels(decode=True, size_bytes=4 << 20, max_flows=8, keep=False)
    rows = []
    for frame in frames(data):
        kernels.feed_only(Frames([frame]))
        kernels.sweep()
        rows.append(sent(kernels))
    while end_all(kernels.table, 1000):
        rows.append(sent(kernels))
    rows.append(sent(kernels))
    counted = sum(int(batch["packets"].sum() + batch["rev_packets"].sum()) for batch in rows)
    assert counted == kernels["packets_accounted"]
    assert sum(kernels.drops().values()) + kernels["packets_uncertain"] == kernels["packets_received"]


def sent(kernels):
    """The rows in the outbox, taken out; each text is in the ring."""
    table, words = kernels.table, kernels.words
    places = np.arange(words[INDEX["tail"]], words[INDEX["head"]]) % len(table.outbox)
    rows = np.asarray(table.outbox[places])
    if len(rows):
        start, ring = int(rows["text_at"][0]), len(table.texts)
        octets = table.texts[(start + np.arange(words[INDEX["texts_head"]] - start)) % ring].tobytes()
        batch = Batch("fuzz", 0, 1, rows, {}, octets)
        for cell in TEXTS:
            found = texts(batch, cell, np.arange(len(rows)))
            assert all(
                (text is None) == (length == 0xFFFF) for text, length in zip(found, rows[cell], strict=True)
            )
    words[INDEX["tail"]], words[INDEX["texts_tail"]] = words[INDEX["head"]], words[INDEX["texts_head"]]
    return rows
