"""A capture file through the kernels in this process, decoding on: its records as sinks write them in JSON."""

import json

import numpy as np

from exporter.json_lines import lines
from shared.record import Batch
from tests.worker.rig import Kernels
from worker.capture.files import CaptureError, FileSource
from worker.expiry import end_all
from worker.letters import Letters
from worker.meter import meter


class Replayed:
    """One capture's records, in order, and the batches they came in."""

    def __init__(self, path, **settings):
        self._kernels = Kernels(**({"max_flows": 50_000, "size_bytes": 96 << 20, "decode": True} | settings))
        self.records = []
        self.batches = []
        letters, kernels = Letters(waits=True), self._kernels
        try:
            with path.open("rb", buffering=0) as file:
                source = FileSource(file)
                while not source.ended:
                    count = source.take(kernels.packets)
                    meter(source.buf, kernels.packets, count, kernels.table)
                    letters.read(source.buf, kernels.table)
                    kernels.sweep()
                    self._take()
        except CaptureError:
            pass
        while end_all(kernels.table, 1000):
            self._take()
        self._take()

    def _take(self):
        kernels = self._kernels
        table = kernels.table
        rows = np.asarray(table.outbox[np.arange(kernels["tail"], kernels["head"]) % len(table.outbox)])
        if len(rows):
            start = int(rows["text_at"][0])
            places = (start + np.arange(kernels["texts_head"] - start)) % len(table.texts)
            batch = Batch("capture", 0, 1, rows, {}, table.texts[places].tobytes())
            self.batches.append(batch)
            self.records += map(json.loads, lines(batch).splitlines())
        kernels["tail"], kernels["texts_tail"] = kernels["head"], kernels["texts_head"]
