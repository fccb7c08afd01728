"""Kernels that listen: what they hear as the sinks' JSON says it, texts and all; and conversations as frames."""

import json

import numpy as np

from exporter.json_lines import lines
from shared.record import Batch
from tests.segments import RAW_IP, segment
from tests.worker.rig import Frames, Kernels
from tests.worker.trial import START_NS

C, S = 0, 1
FIRST = (1000, 7000)
APPLICATION = ("app_protocol", "http_", "tls_", "dns_", "postgres_", "dhcp_", "radius_")


class Heard(Kernels):
    """Kernels with decoding on; `records` as JSON has them."""

    def __init__(self, **settings):
        super().__init__(**({"decode": True} | settings))

    def drain(self):
        """Take the records, and give back the room of their texts."""
        table = self.table
        waiting = np.asarray(table.outbox[np.arange(self["tail"], self["head"]) % len(table.outbox)])
        if len(waiting) and self._keep:
            start = int(waiting["text_at"][0])
            places = (start + np.arange(self["texts_head"] - start)) % len(table.texts)
            batch = Batch("heard", 0, 1, waiting, {}, table.texts[places].tobytes())
            self.records += map(json.loads, lines(batch).splitlines())
        self["tail"], self["texts_tail"] = self["head"], self["texts_head"]
        return self.records

    @property
    def exchanges(self):
        """The application's fields of each exchange's record, in order."""
        return [application(record) for record in self.records if "app_protocol" in record]

    def counted(self):
        """Packets over all records."""
        return sum(record["packets"] + record["rev_packets"] for record in self.records)


def application(record):
    """What a record says of its exchange, but for how it was recognised and how long it took."""
    return {name: value for name, value in record.items() if name.startswith(APPLICATION)}


def heard(frames, **settings):
    """After frames, to the end."""
    kernels = Heard(**settings)
    kernels.feed(Frames(frames))
    kernels.finish()
    return kernels


class Line:
    """A TCP connection as frames, 1 ms apart unless told; `first` are the sequence numbers of both SYNs."""

    def __init__(self, port=80, version=4, first=FIRST, client=40_000):
        self.ports, self.version, self.first = (client, port), version, first
        self.sent, self.now_us, self.frames = [1, 1], 0, []

    def add(self, way, flags="A", seq=None, ack=None, payload=b"", *, at_us=None, captured=None, **more):
        """One segment; sequence numbers count from the SYN, whatever it is said to be next."""
        seq = self.sent[way] if seq is None else seq
        ack = self.sent[1 - way] if ack is None else ack
        self.now_us = self.now_us + 1000 if at_us is None else at_us
        numbers = (self.first[way] + seq, self.first[1 - way] + ack)
        data = segment(way, flags, *numbers, payload=payload, version=self.version, ports=self.ports, **more)
        whole = len(data)
        if captured is not None and payload:
            data = data[: whole - len(payload) + captured]
        self.frames.append((START_NS + self.now_us * 1000, RAW_IP, data, whole))
        return self

    def handshake(self):
        self.add(C, "S", 0, 0)
        self.add(S, "SA", 0, 1)
        return self.add(C, "A")

    def say(self, way, payload, **more):
        """The next octets of one side."""
        self.add(way, "PA", payload=payload, **more)
        self.sent[way] += len(payload)
        return self

    def skip(self, way, octets):
        """Octets that were sent and not captured."""
        self.sent[way] += octets
        return self

    def end(self):
        self.add(C, "FA")
        self.add(S, "FA", ack=self.sent[C] + 1)
        return self.add(C, "A", seq=self.sent[C] + 1, ack=self.sent[S] + 1)
