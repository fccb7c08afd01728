"""The few datagrams that Python must open: QUIC's Initial packets, which hold their ClientHello encrypted (step 5).

Kernels put them aside; here they are opened once the block is metered, and a hello that is complete goes back to a
kernel, which makes its record.
"""

from typing import Any

import numpy as np
from numba import types

from shared.reasons import AppBy, AppProtocol
from shared.vitals import INDEX
from worker.asked import NOBODY
from worker.clock import advance
from worker.decoders.cells import clear
from worker.decoders.quic import Initials
from worker.decoders.tls import read_hello_message
from worker.expiry import first_look
from worker.jit import kernel
from worker.layout import BLOCK_PACKETS, BUFFER_TYPE, TABLE_TYPE
from worker.octets import Int, Octets
from worker.report import tell
from worker.table import find, insert

LETTERS, MESSAGES_SHED = INDEX["letters"], INDEX["messages_shed"]
QUIC, PAYLOAD = int(AppProtocol.QUIC), int(AppBy.PAYLOAD)
LETTERS_MOST = 64  # of a block of live packets: opening one costs as much as metering two hundred


@kernel(types.void(BUFFER_TYPE, types.int64, TABLE_TYPE))
def tell_hello(hello: Octets, i: Int, t: Int) -> None:
    """The record of a ClientHello that letter `i` completed; its flow may have ended since."""
    p, x = t.letters[i], t.exchange[0]
    clear(x)
    if read_hello_message(hello, 0, len(hello), x, t.out) <= 0:
        return
    row = find(t, p)
    if row < 0:
        row = insert(t, p)
        first_look(t, row, advance(t, p.time_ns), p.hash)
        t.flows[row].start_ns = p.time_ns
        t.flows[row].end_ns = p.time_ns
        t.cold[row].by = PAYLOAD
    t.flows[row].decoder = QUIC
    tell(t, row, x, NOBODY, p.time_ns)


class Letters:
    """Opens what a block of packets holds, all of it where packets wait; remembers what is not complete."""

    def __init__(self, *, waits: bool) -> None:
        self._initials = Initials()
        self._most = BLOCK_PACKETS if waits else LETTERS_MOST

    def read(self, buf: Any, table: Any) -> None:
        """Open those of the block that was metered last."""
        came = int(table.words[LETTERS])
        table.words[LETTERS] = 0
        if not self._initials.able:
            return
        table.words[MESSAGES_SHED] += max(came - self._most, 0)
        for i in range(min(came, self._most)):
            p = table.letters[i]
            start = int(p["at"] + p["payload_at"])
            datagram = buf[start : min(start + int(p["payload"]), int(p["end"]))].tobytes()
            hello = self._initials.hello(datagram, (int(p["hash"]), int(p["key"]), int(p["high"])))
            if hello:
                tell_hello(np.frombuffer(hello, np.uint8), i, table)
