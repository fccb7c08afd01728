"""A TCP connection's packets at times of one's choosing, and the kernels' records of it, which are the oracle's too."""

from tests.segments import RAW_IP, segment
from tests.worker import trial

C, S = 0, 1
LOSS = ("retransmits", "out_of_order", "seq_gaps", "repeated_retransmits")


class Talk:
    """A connection's segments; times in microseconds since its start, sequence numbers since each side's first."""

    def __init__(self, version=4, first=(1000, 7000)):
        self.version, self.first, self.frames = version, first, []

    def add(self, at_us, way, flags="A", seq=0, ack=0, **more):
        base, other = self.first[way], self.first[1 - way]
        data = segment(way, flags, base + seq, other + ack, version=self.version, **more)
        self.frames.append((trial.START_NS + at_us * 1000, RAW_IP, data))

    def client(self, at_us, *words, **more):
        self.add(at_us, C, *words, **more)

    def server(self, at_us, *words, **more):
        self.add(at_us, S, *words, **more)

    def handshake(self, **more):
        """2000 µs to the server and back, 1000 µs to the client and back."""
        self.client(0, "S", **more)
        self.server(2000, "SA", 0, 1, **more)
        self.client(3000, "A", 1, 1)

    def records(self, **changed):
        """The kernels' records, which are the oracle's too."""
        kernels, oracle = trial.both(self.frames, **changed)
        trial.check(kernels, oracle)
        return kernels.records

    def record(self, **changed):
        """The only one."""
        (record,) = self.records(**changed)
        return record


def loss(record, prefix=""):
    """Late segments, gaps and repeats of one direction."""
    return tuple(record[prefix + name] for name in LOSS)


def latencies(record):
    """Of the client's and the server's side."""
    return record["client_latency_us"], record["server_latency_us"]


def trips(record, prefix=""):
    """Shortest, mean and longest round trip of one direction."""
    return tuple(record[f"{prefix}rtt_{name}_us"] for name in ("min", "mean", "max"))
