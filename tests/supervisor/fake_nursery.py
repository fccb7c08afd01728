"""A nursery without kernels: real forks, channels and pipes; each file becomes one record of one packet.

With COMPILES=3 it tells of three kernels.
Its workers take 400 MiB on SIGUSR1, and from SIGUSR2 on do not leave when they are asked to.
"""

import contextlib
import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from shared import channel, record, vitals, wire


def nursery(sock):
    message, _ = channel.receive(sock)
    assert message["do"] == "start"
    for done in range(1, int(os.environ.get("COMPILES", "0")) + 1):
        channel.send(
            sock, {"did": "progress", "done": done, "of": int(os.environ["COMPILES"]), "kernel": "x"}
        )
    channel.send(sock, {"did": "ready", "seconds": 0.01})
    while (received := channel.receive(sock)) is not None:
        message, descriptors = received
        if message["do"] == "fork":
            channel.send(
                sock,
                {"did": "fork", "name": message["spec"]["name"], "pid": twice(message["spec"], descriptors)},
            )
            for fd in descriptors:
                os.close(fd)
        elif message["do"] == "ping":
            channel.send(sock, {"did": "pong"})


def twice(spec, descriptors):
    """Fork, fork again and let the middle one end: the worker becomes the subreaper's own child."""
    reader, writer = os.pipe()
    middle = os.fork()
    if middle == 0:
        worker = os.fork()
        if worker == 0:
            os.close(reader)
            os.close(writer)
            os._exit(Worker(spec, *descriptors[:4], descriptors[4:]).run())
        os.write(writer, struct.pack("=I", worker))
        os._exit(0)
    os.waitpid(middle, 0)
    pid = struct.unpack("=I", os.read(reader, 4))[0]
    os.close(reader)
    os.close(writer)
    return pid


class Worker:
    def __init__(self, spec, table, batches, acks, life, sources):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.spec, self.table, self.batches, self.acks, self.sources = spec, table, batches, acks, sources
        self.life = socket.socket(fileno=life)
        page = vitals.read_page(os.pread(table, 4096, 0))  # a predecessor's place
        self.sent, self.packets, self.first = (
            page["records_sent"],
            page["packets_received"],
            page["cursor_block"],
        )

    def put(self, **words):
        for name, value in words.items():
            os.pwrite(self.table, struct.pack("=Q", value), 8 * vitals.INDEX[name])

    def emit(self, name):
        rows = np.zeros(1, record.ROW)
        rows["packets"], rows["bytes"], rows["ip_version"], rows["end_reason"] = 1, 60, 4, 4
        epoch = vitals.read_page(os.pread(self.table, 4096, 0))["epoch"]
        payload = record.pack(record.Batch(name, self.spec["ifindex"], 1, rows))
        os.write(self.batches, wire.frame(epoch, self.sent, 1, payload))
        self.sent += 1
        self.packets += 1
        self.put(packets_received=self.packets, packets_accounted=self.packets, records_sent=self.sent)

    def run(self):
        self.put(pid=os.getpid())
        channel.send(self.life, {"did": "capturing", "core": self.spec["core"]})
        return self.replay() if self.spec["kind"] == "files" else self.capture()

    def replay(self):
        files = list(enumerate(zip(self.spec["files"], self.sources, strict=True)))
        for index, (name, fd) in files[self.first :]:
            if os.pread(fd, 5, 0) == b"crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            why = None if os.fstat(fd).st_size else "is empty"
            if not why:
                self.emit(os.fsencode(name).decode(errors="replace"))
            self.put(cursor_block=index + 1)
            channel.send(self.life, {"did": "file", "index": index, "name": name, "packets": 1, "why": why})
        return self.drain()

    def capture(self):
        self.life.settimeout(0.02)
        hoard, is_stubborn = [], []
        signal.signal(signal.SIGUSR1, lambda *_: hoard.append(b"x" * (400 << 20)))
        signal.signal(signal.SIGUSR2, lambda *_: is_stubborn.append(True))
        while True:
            self.put(heartbeat_ns=time.monotonic_ns())
            try:
                received = channel.receive(self.life)
            except TimeoutError:
                continue
            if received is None or received[0]["do"] == "drain":
                self.emit(self.spec["name"])
                return self.drain()
            if received[0]["do"] == "retire" and not is_stubborn:
                return 0
            if received[0]["do"] == "pipes":
                self.batches, self.acks = received[1]

    def drain(self):
        reader = wire.AckReader()
        acked = 0
        while acked < self.sent and (data := os.read(self.acks, 4096)):
            acked = max([acked, *(number for _epoch, number in reader.feed(data))])
        try:
            channel.send(self.life, {"did": "drained"})
        except OSError:
            return 0
        return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # a mistake ended the supervisor first
        nursery(socket.socket(fileno=int(sys.argv[1])))
