"""Nothing is lost: worker, nursery and exporter are killed at random moments, the run is stopped at bad ones."""

import os
import random
import signal

import pytest

from bench import kills, taker
from bench.victims import Victims
from tests.captures import pcap
from tests.system.host import flowherd, needs_tcpreplay, until
from tests.worker.test_table import udp
from tests.worker.trial import START_NS

pytestmark = [pytest.mark.root, pytest.mark.slow]
SEED = random.SystemRandom().randrange(1 << 32)


def test_kills_at_random_lose_no_packet():
    """`python -m bench.kills` is the same with 5 million packets and 200 kills."""
    found = kills.measure(packets=150_000, kills=14, pps=30_000, seed=SEED)
    assert sum(found.kills.values()) > 7, f"seed {SEED}"
    assert found.sent == 150_000
    found.check()


def test_stopped_while_nobody_reads_the_ring(folder):
    """Nursery and worker are dead and the ring fills; then comes the order to stop: a last worker reads it all."""
    with taker.road() as place, flowherd(place, folder, sink="store") as live:
        live.capturing()
        taker.send(place, 20_000, 0.5, flows=100)
        victims = Victims(live.process.pid, random.Random())
        killed = [victims.of(kind) for kind in ("nursery", "worker")]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        until(lambda: victims.of("worker") == 0, "nobody")
        sent = taker.sent(taker.sending(place, pps=0, packets=5000, seconds=5, flows=100))["packets"]
        live.stop()
        totals = live.said().splitlines()[-1]
    stored, _records = kills.in_store(folder / "state" / "store")
    assert sent == 5000
    assert stored == captured(totals)
    assert "0 packets dropped" in totals
    assert stored >= sent


def captured(totals):
    """Packets by the last line of a run."""
    return int(totals.removeprefix("flowherd: ").split()[0].replace(",", ""))


@needs_tcpreplay
def test_what_goes_with_a_libpcap_handle_is_counted(folder):
    """The worker stands still while packets come, and is killed: they were in its own buffer."""
    path = folder / "played.pcap"
    path.write_bytes(pcap([(START_NS + i, b"\2" * 12 + b"\x08\0" + udp(i % 50 + 1)) for i in range(1000)]))
    with taker.road() as place, flowherd(place, folder, "--capture", "pcap", sink="store") as live:
        first = live.capturing()
        place.replay(path, "--pps=5000")
        live.received(1000)
        begun = live.counters()["heartbeat_ns"]
        until(lambda: live.counters()["heartbeat_ns"] > begun + 2 * 10**9, "the supervisor has looked")
        os.kill(first, signal.SIGSTOP)
        place.replay(path, "--pps=5000")
        os.kill(first, signal.SIGKILL)
        until(lambda: live.counters()["pid"] != first, live.said)
        until(lambda: "went with the worker's libpcap handle" in live.said(), live.said)
        place.replay(path, "--pps=5000")
        live.received(2000)
        live.stop()
    assert "at_most=1000" in live.said()
    assert "at most 1,000 packets went with libpcap's buffer" in live.said()
    assert kills.in_store(folder / "state" / "store")[0] == 2000
