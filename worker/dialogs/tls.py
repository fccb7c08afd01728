"""Kernel: the two hellos of TLS make one exchange; what follows them is nobody's business (step 5)."""

from worker.asked import NOBODY
from worker.decoders.cells import clear
from worker.decoders.tls import CLIENT_HELLO, HANDSHAKE, read_client_hello, read_server_hello
from worker.dialogs.questions import ask_next, is_waiting, take_oldest
from worker.hot_row import track_at
from worker.jit import called
from worker.octets import Int, Octets, octet
from worker.report import tell
from worker.rows import PHASE_OFF

TYPE_AT = 5  # octets of the record's header


@called
def hear_tls(
    t: Int, row: Int, p: Int, data: Octets, at: Int, end: Int, cut: Int, first_ns: Int, last_ns: Int
) -> Int:
    """A hello at `at`: its octets, MORE or NOT."""
    x = t.exchange[0]
    clear(x)
    is_hello = at + TYPE_AT < end and octet(data, at) == HANDSHAKE  # a server may warn before its own
    if is_hello and octet(data, at + TYPE_AT) == CLIENT_HELLO:
        octets = read_client_hello(data, at, end, cut, x, t.out)
        if octets > 0 and not is_waiting(t, row):
            ask_next(t, row, p, x, last_ns)
    else:
        octets = read_server_hello(data, at, end, cut, x, t.out)
        if octets > 0:
            tell(t, row, x, take_oldest(t, row, p) if is_waiting(t, row) else NOBODY, first_ns)
    if octets > 0:
        t.tracks[track_at(row, p.high)].phase = PHASE_OFF
    return octets
