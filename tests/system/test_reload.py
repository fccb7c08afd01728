"""Reloads under live traffic: no packet is lost or counted twice, and whoever is not concerned keeps its worker."""

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from supervisor.control import ask
from tests.captures import pcap
from tests.segments import segment
from tests.system.host import FLOWHERD, flowherd, needs_tcpreplay, run, until, wire
from tests.worker.trial import START_NS

pytestmark = [pytest.mark.root, pytest.mark.slow, needs_tcpreplay]
PACKETS, PPS = 2000, 20_000
BOTH = 'sinks = ["jsonl:{0}/flows.jsonl", "jsonl:{0}/second.jsonl"]\n'
ROUNDS = (  # what the file says, and whether the worker of vb stays, and the exporter
    ('[interface.vb]\nfilter = "ip or not ip"', True, True),
    ('[interface.vb]\nfilter = "ip"\nactive_timeout_s = 4', False, True),
    ("[interface.vb]\nactive_timeout_s = 4\ndecode = false", False, True),
    (BOTH + "[interface.vb]\nactive_timeout_s = 4\ndecode = false", True, False),
    (BOTH + "[interface.vb]\ncore = 0", False, True),
    ("[interface.vb]\nmax_flows = 9000", False, False),
)


@pytest.fixture
def place():
    with wire() as made:
        made.join("vc", "vd")
        yield made


def played(folder):
    path = folder / "played.pcap"
    head = b"\2" * 12 + b"\x08\0"
    frames = [head + segment(0, "A", 1, 1, ports=(20_000 + i // 2, 443)) for i in range(PACKETS)]
    path.write_bytes(pcap([(START_NS + i, data) for i, data in enumerate(frames)]))
    return path


def reloaded(live, config, text):
    """The file is another, and the running flowherd has read it."""
    ours = f'sinks = ["jsonl:{live.out}"]\n'
    config.write_text(text.format(live.folder) if text.startswith("sinks") else ours + text)
    assert "done" in ask(str(live.folder / "run"), {"do": "reload"})


def settled(live, pid, exporters, *, keeps_worker, keeps_exporter):
    """Who is to be replaced is, who is not stays, and packets are taken."""
    if not keeps_worker:
        until(lambda: live.counters().get("pid", pid) != pid, live.said)
        live.capturing()
    if not keeps_exporter:
        until(lambda: set(live.exporters()) - set(exporters), live.said)
    at = live.counters()["packets_received"]
    until(lambda: live.counters()["packets_received"] > at, live.said)
    assert (live.counters()["pid"] == pid) == keeps_worker
    assert (live.exporters() == exporters) == keeps_exporter


def has_ended(pid):
    """Gone, or waiting for whoever adopted it to bury it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_reloads_under_traffic(place, folder):
    config = folder / "flowherd.toml"
    config.write_text(f'sinks = ["jsonl:{folder}/flows.jsonl"]')
    words = (f"--config={config}", "--interface", "v[bd]")
    with flowherd(place, folder, *words, sink="of the file") as live:
        live.capturing()
        other = live.capturing("vd")
        until(live.exporters, "an exporter")
        sender = place.command("tcpreplay", "-q", "-i", "va", f"--pps={PPS}", "--loop=0", played(folder))
        with subprocess.Popen(sender, stdout=subprocess.DEVNULL) as player:
            for text, keeps_worker, keeps_exporter in ROUNDS:
                pid, exporters = live.counters()["pid"], live.exporters()
                reloaded(live, config, text)
                settled(live, pid, exporters, keeps_worker=keeps_worker, keeps_exporter=keeps_exporter)
            player.terminate()
        sent = int(place.inside("cat", "/sys/class/net/va/statistics/tx_packets"))
        assert live.counters("vd")["pid"] == other
        records = live.stop()
        said = live.said()
    assert sent > PACKETS
    assert f"{sent:,} packets captured" in said
    assert "; 0 packets dropped" in said
    assert "worker ended" not in said
    assert sum(r["packets"] + r["rev_packets"] for r in records) == sent
    second = (folder / "second.jsonl").read_text().splitlines()
    assert 0 < len(second) < len(records), "what came while it was a sink"


def test_restart_goes_on_with_the_same_flows(place, folder):
    """The successor has table and ring: no flow ends with the worker.

    The first record of a living flow comes a random part of the active timeout after its beginning, so of a thousand
    flows one may be due within these seconds, whatever the timeout: it is no end, and makes nothing count twice.
    """
    path = played(folder)
    with flowherd(place, folder, "--active-timeout-s=86400", "--idle-timeout-s=86400") as live:
        pid = live.capturing()
        place.replay(path, f"--pps={PPS}")
        live.received(PACKETS)
        assert "its flows go on" in run(*FLOWHERD, "restart", "vb", f"--runtime-dir={folder}/run")
        until(lambda: live.counters()["pid"] != pid, live.said)
        place.replay(path, f"--pps={PPS}")
        counters = live.received(2 * PACKETS)
        records = live.stop()
    assert counters["packets_uncertain"] == 0
    counted = Counter()
    for record in records:
        counted[record["src_port"]] += record["packets"] + record["rev_packets"]
    assert counted == dict.fromkeys(range(20_000, 20_000 + PACKETS // 2), 4)
    ends = Counter(record["src_port"] for record in records if record["end_reason"] != "active_timeout")
    assert set(ends.values()) == {1}, "no flow ends twice"


def test_a_supervisor_that_is_killed_leaves_a_clean_house(place, folder):
    """Workers and exporter end, what came is delivered, and a new flowherd captures at once."""
    path = played(folder)
    with flowherd(place, folder) as first:
        first.capturing()
        place.replay(path, f"--pps={PPS}")
        first.received(PACKETS)
        left = [*first.exporters(), first.counters()["pid"]]
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        with flowherd(place, folder) as second:
            second.capturing()
            place.replay(path, f"--pps={PPS}")
            second.received(PACKETS)
            until(lambda: all(map(has_ended, left)), "the first one's processes end")
            until(second.exporters, second.said)
            records = second.stop()
        assert "already" not in second.said()
    assert sum(r["packets"] + r["rev_packets"] for r in records) == 2 * PACKETS
