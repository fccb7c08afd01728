"""Without decoding the kernel keeps HEADERS bytes of each packet: records and counters are those of whole packets."""

import random

import numpy as np
import pytest

from supervisor.bpf import HEADERS
from tests import frames
from tests.worker.rig import Frames, Kernels, in_order
from tests.worker.trial import START_NS
from worker.capture.files import CaptureError, FileSource


class Snapped:
    """A source whose frames are cut as the kernel's filter program cuts them; lengths stay the wire's."""

    def __init__(self, source, snaplen=HEADERS):
        self._source, self._snaplen = source, snaplen
        self.cut = 0

    def take(self, packets):
        count = self._source.take(packets)
        ends = np.minimum(packets["end"][:count], packets["at"][:count] + self._snaplen)
        self.cut += int((packets["end"][:count] != ends).sum())
        packets["end"][:count] = ends
        return count

    @property
    def buf(self):
        return self._source.buf

    @property
    def ended(self):
        return self._source.ended


def metered(source):
    """(records, packets by verdict, octets)."""
    kernels = Kernels(max_flows=50_000, size_bytes=64 << 20)
    kernels.feed(source, sweeping=True)
    return in_order(kernels.finish()), kernels.drops(), kernels["octets_received"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_headers_are_enough_for_every_capture(every_capture):
    wrong, cut = [], 0
    for path in every_capture:
        try:
            with path.open("rb", buffering=0) as one, path.open("rb", buffering=0) as two:
                snapped = Snapped(FileSource(two))
                if metered(FileSource(one)) != metered(snapped):
                    wrong.append(path.name)
                cut += snapped.cut
        except CaptureError:
            continue
    assert cut > 10_000
    assert not wrong


def test_headers_are_enough_for_every_kind_of_frame():
    """Tags, labels, tunnels of the link, extension headers, options, fragments; payloads as long as they come."""
    rng, played = random.Random(11), []
    for i, (link, data) in enumerate(frames.some(rng, 4000)):
        played.append((START_NS + i * 1_000_000, link, data + bytes(rng.randrange(0, 1200))))
    snapped = Snapped(Frames(played))
    assert metered(Frames(played)) == metered(snapped)
    assert snapped.cut > 2000


def test_too_short_is_noticed():
    """The comparison sees a header that was cut."""
    rng = random.Random(11)
    played = [(START_NS + i, link, data) for i, (link, data) in enumerate(frames.some(rng, 500))]
    assert metered(Frames(played)) != metered(Snapped(Frames(played), 40))
