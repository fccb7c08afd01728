"""Conversations that go on over a wire for as long as a test wants; every packet is counted as it is sent."""

import itertools
import socket
import threading
from collections import Counter

from tests.segments import ADDRESSES, datagram

EVERY_S = 0.005
SERVICE, CLIENTS = 9999, 64
IPV4 = b"\x08\x00"
CLIENT, SERVICES = (int.from_bytes(address) for address in ADDRESSES[4])


class Talk(threading.Thread):
    """In turn each of CLIENTS sends a datagram into `far`, which `near` receives and answers.

    `said`: both ends and length of each packet, in order.
    """

    def __init__(self, place, far="va", near="vb", *, first=20_000):
        super().__init__(daemon=True)
        self.said, self.index = [], int.from_bytes(place.mac(near)[-2:])
        self._ports = [(port, SERVICE) for port in range(first, first + CLIENTS)]
        self._over = threading.Event()
        macs = place.mac(near), place.mac(far)
        self._heads = macs[0] + macs[1] + IPV4, macs[1] + macs[0] + IPV4
        with place.entered():
            self._socks = [_bound(far), _bound(near)]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.finish()

    def run(self):
        for ports in itertools.cycle(self._ports):
            if self._over.wait(EVERY_S):
                return
            for way in (0, 1):
                self._say(way, ports)

    def _say(self, way, ports):
        packet = datagram(way, 100 + 50 * way, ports=ports)
        self._socks[way].send(self._heads[way] + packet)
        ends = (CLIENT, ports[0], SERVICES, SERVICE)
        ends = ends[2:] + ends[:2] if way else ends
        self.said.append((ends, len(packet)))

    def finish(self):
        """Nothing is sent after this; what was sent."""
        self._over.set()
        self.join()
        for sock in self._socks:
            sock.close()
        return self.sums()

    def sums(self, first=0, last=None):
        """Packets and bytes by both ends, as tests/system/test_kentik.py has them of records."""
        found = Counter()
        for ends, length in self.said[first:last]:
            found.update({(*ends, "packets"): 1, (*ends, "bytes"): length})
        return found


def _bound(interface):
    """A socket that only sends."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((interface, 0))
    return sock
