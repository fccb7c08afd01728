"""Imports every module with a kernel, which compiles or loads it, and runs each once so that a fork starts hot."""

import numpy as np

from worker.capture.libpcap import walk_batch
from worker.capture.pcap import PcapFormat, walk_pcap
from worker.capture.pcapng import walk_pcapng
from worker.capture.ring import walk_block
from worker.clock import ticks
from worker.expiry import end_all, sweep
from worker.layout import Rules, new_frames, open_table
from worker.letters import Letters, tell_hello
from worker.meter import meter
from worker.recovery import adopt, forget_time

WARM_TABLE_BYTES = 4 << 20
TICK = ticks(1.0)
RULES = Rules(active=TICK, idle=TICK, forget=TICK, linger=TICK, mtu=1500)


def up() -> None:
    """Run every kernel on nothing: the first call of a compiled kernel costs a tenth of a second."""
    import worker.birth  # noqa: F401 - all that a worker imports, before privileges go

    table = open_table(bytearray(WARM_TABLE_BYTES), 16, RULES)
    buf, frames = np.frombuffer(b"", np.uint8), new_frames()
    adopt(table)
    adopt(table)
    walk_pcap(buf, 0, 0, 0, PcapFormat(24, 0, 1000, 16, 1), frames)
    walk_pcapng(buf, 0, 0, 0, 0, np.zeros((0, 4), np.int64), frames)
    walk_block(buf, 0, 0, frames)
    walk_batch(buf, np.frombuffer(b"", np.uint32).reshape(-1, 4), 0, 1, 0, frames)
    meter(buf, frames, 0, table)
    tell_hello(buf, 0, table)
    Letters(waits=True)
    sweep(table, 1, 1)
    end_all(table, 1)
    forget_time(table)
