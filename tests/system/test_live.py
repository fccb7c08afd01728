"""Live capture over veth gives the records of the file that was played, by ring and by libpcap; and loses nothing."""

import os
import random
import signal
import subprocess
from collections import Counter

import pytest

from tests import frames
from tests.captures import pcap
from tests.segments import segment
from tests.system.host import flowherd, needs_tcpreplay, replayed, until, wire
from tests.worker.trial import START_NS

STACKED = bytes.fromhex("00078100") * 5
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    needs_tcpreplay,
]


@pytest.fixture
def place():
    with wire() as made:
        yield made


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Ethernet frames of every kind that a wire carries: tags, labels, PPPoE, LLC, fragments, options, ARP."""
    rng, found = random.Random(77), []
    while len(found) < 3000:
        wired = [data for link, data in frames.some(rng, 500) if link == 1 and 14 <= len(data) <= 1400]
        found += [
            data for data in wired if STACKED not in data
        ]  # the decoder's limit is of the file's own tests
    path = tmp_path_factory.mktemp("played") / "played.pcap"
    path.write_bytes(pcap([(START_NS + i * 1_000_000, data) for i, data in enumerate(found)]))
    return path, len(found)


def sums(records):
    """Packets and bytes by unidirectional flow, and the fields a biflow has once."""
    rows = Counter()
    for r in records:
        ends = (r["src_addr"], r["src_port"]), (r["dst_addr"], r["dst_port"])
        rest = (r["proto"], r.get("vlan"), r.get("inner_vlan"), r.get("icmp_type"))
        for prefix, way in (("", ends), ("rev_", ends[::-1])):
            for name in ("packets", "bytes", "fragments"):
                rows[*way, *rest, name] += r[prefix + name]
    return +rows


@pytest.mark.parametrize("capture", ["ring", "pcap"])
def test_live_is_as_replay(place, played, folder, capture):
    path, count = played
    with flowherd(place, folder, "--capture", capture) as live:
        live.capturing()
        place.replay(path, "--pps=20000")
        counters = live.received(count)
        records = live.stop()
    expected, _ = replayed(folder, path, least=100)
    assert counters["packets_received"] == count
    assert counters["kernel_dropped"] == 0
    assert sums(records) == sums(expected)
    assert {r["interface"] for r in records} == {"vb"}
    assert {r["direction"] for r in records} <= {"in", "out", "unknown"}


@pytest.mark.parametrize(
    ("capture", "expression"),
    [("ring", "udp and port 53"), ("ring", "ip6"), ("ring", "vlan 10"), ("pcap", "vlan 10")],
)
def test_filters_are_libpcaps(place, played, folder, capture, expression):
    """As tcpdump filters the file, so live, also by tags that the kernel took out of the frame.

    Only by tags: any other filter looks behind a tag that was taken out, live, and not in a file.
    """
    path, _ = played
    if expression != "vlan 10":
        path = filtered(place, path, folder / "plain.pcap", "not vlan")
    chosen = filtered(place, path, folder / "chosen.pcap", expression)
    with flowherd(place, folder, "--capture", capture, "--filter", expression) as live:
        live.capturing()
        place.replay(path, "--pps=20000")
        place.replay(chosen, "--pps=20000")
        expected = replayed_twice(folder, chosen)
        counters = live.received(expected["packets"])
        records = live.stop()
    assert counters["packets_received"] == expected["packets"]
    assert sums(records) == expected["sums"]


def filtered(place, path, out, expression):
    """The packets of a file that tcpdump lets through."""
    place.inside("tcpdump", "-r", path, "-w", out, expression)
    return out


def replayed_twice(folder, chosen):
    """What the filtered file gives when it has come twice: with the rest around it, and alone."""
    records, done = replayed(folder, chosen, chosen)
    packets = int(done.stderr.split("flowherd: ")[-1].split()[0].replace(",", ""))
    return {"sums": sums(records), "packets": packets}


def test_kill_9_loses_no_packet(place, played, folder):
    """The ring fills while the worker is away; its successor goes on where it stopped."""
    path, count = played
    rng, kills, loops = random.Random(9), 0, 40
    with flowherd(place, folder) as live:
        pid = live.capturing()
        sender = place.command("tcpreplay", "-q", "-i", "va", "--pps=30000", f"--loop={loops}", path)
        with subprocess.Popen(sender, stdout=subprocess.DEVNULL) as player:
            while player.poll() is None and kills < 8:
                before = live.counters()["packets_received"]
                until(
                    lambda at=before: live.counters()["packets_received"] > at + rng.randrange(4000),
                    "packets",
                )
                os.kill(pid, signal.SIGKILL)
                kills += 1
                pid = until(lambda old=pid: (now := live.counters()["pid"]) != old and now, "a successor")
        counters = until(
            lambda: (c := live.counters())["packets_received"] >= count * loops and c,
            lambda: str(live.counters()),
        )
        records = live.stop()
    counted = sum(r["packets"] + r["rev_packets"] for r in records)
    assert kills >= 4
    assert counters["packets_uncertain"] <= kills // 2, "most were killed at rest: nothing was in hand"
    assert count * loops <= counters["packets_received"] <= count * loops + counters["packets_uncertain"]
    assert counters["kernel_dropped"] == 0
    dropped = sum(value for name, value in counters.items() if name.startswith("dropped_"))
    assert count * loops - counters["packets_uncertain"] <= counted + dropped <= count * loops


def test_overload_sheds_messages_and_no_packet(place, folder):
    """A worker that falls behind counts every packet, and reads no message until it has caught up."""
    head = b"GET / HTTP/1.1\r\nHost: example.com\r\nCookie: " + b"c" * 1100 + b"\r\n\r\n"
    requests = [
        b"\2" * 12 + b"\x08\0" + segment(0, "PA", 1, 1, payload=head, ports=(20_000 + i, 80))
        for i in range(2600)
    ]
    few, many = folder / "few.pcap", folder / "many.pcap"
    few.write_bytes(pcap([(START_NS + i, data) for i, data in enumerate(requests[:100])]))
    many.write_bytes(pcap([(START_NS + i, data) for i, data in enumerate(requests[100:])]))
    with flowherd(place, folder, "--ring-mib", "4") as live:
        worker = live.capturing()
        place.replay(few, "--pps=2000")
        heard = live.received(100)
        os.kill(worker, signal.SIGSTOP)
        place.replay(many, "--topspeed")
        os.kill(worker, signal.SIGCONT)
        counters = live.received(2600)
        place.replay(few, "--pps=2000")
        caught_up = live.received(2700)
        records = live.stop()
    assert heard["messages_shed"] == 0
    assert 0 < counters["messages_shed"] < 2500
    assert caught_up["messages_shed"] == counters["messages_shed"]
    assert counters["kernel_dropped"] == 0
    assert sum(r["packets"] for r in records) == 2700
