"""A whole flowherd captures and sends to a Kentik of our own, and goes on while that fails or changes its mind."""

import os
import signal
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.kentik import devices
from tests.kentik.faults import Fault
from tests.kentik.server import EMAIL, TOKEN
from tests.system.host import children, flowherd, until, wire
from tests.system.talk import CLIENTS, SERVICE, Talk
from tests.system.test_kentik import kentik_inside, kept, sent

ENDLESS = 1 << 30
PORT = 8080
pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture
def place():
    with wire() as made:
        yield made


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Devices are read again each second, and no sink is left alone for longer than half a one."""
    monkeypatch.setenv("FLOWHERD_REFRESH_S", "1")
    monkeypatch.setenv("FLOWHERD_BACKOFF_LONGEST_S", "0.5")


def watched(place, folder, kentik, *more):
    """A flowherd that sends there as device 1; each flow makes a record a second."""
    told = ["--email", EMAIL, "--token", TOKEN, "--api-url", kentik.api_url, "--flow-url", kentik.flow_url]
    told += ["--metrics-url", kentik.metrics_url, "--active-timeout-s=1", "--idle-timeout-s=1"]
    return flowherd(place, folder, *told, *(more or ["--device-id=1"]))


def lines(live):
    """Records the other sink has by now."""
    return live.out.read_bytes().count(b"\n") if live.out.exists() else 0


def batches(kentik, count, live):
    """Wait for that many more."""
    at = len(kentik.batches)
    until(lambda: len(kentik.batches) >= at + count, live.said)


def waiting(folder):
    """Batches in the spool."""
    return sum(1 for path in (folder / "state/spool").glob("*.batch") if path.stat().st_size)


def ends_of(flows):
    """Both ends of each, as `sent` has them."""
    return {key[:4] for key in sent(flows)}


def only(sums, ends):
    """The sums of those ends."""
    return Counter({key: n for key, n in sums.items() if key[:4] in ends})


def set_aside(folder):
    return list((folder / "state/spool").glob("refused-*"))


def by_way(flows, talk):
    """Packets that came and that left, as Kentik was told; each with the interface's number."""
    for flow in flows:
        came = flow["l4DstPort"] == SERVICE
        assert (flow["inPkts"] > 0, flow["outPkts"] > 0) == (came, not came)
        assert flow["inputPort" if came else "outputPort"] == talk.index
    return sum(flow["inPkts"] for flow in flows), sum(flow["outPkts"] for flow in flows)


def way_sums(sums):
    """The same of what was said."""
    packets = [(key[3] == SERVICE, n) for key, n in sums.items() if key[4] == "packets"]
    return sum(n for came, n in packets if came), sum(n for came, n in packets if not came)


def test_an_outage_loses_nothing(place, folder):
    """Errors, cut connections, nobody there, a new exporter; what waited comes at once and is not thinned out."""
    device = devices.device(max_flow_rate=400)
    with ExitStack() as first, ExitStack() as stack:
        before = first.enter_context(kentik_inside(place, device, port=PORT))
        live = stack.enter_context(watched(place, folder, before))
        live.capturing()
        talk = stack.enter_context(Talk(place))
        until(lambda: before.flows, live.said)
        for kind in ("status", "reset", "cut", "half"):
            before.faults.mend()
            fault = before.faults.order(Fault(kind, times=ENDLESS))
            until(lambda fault=fault: fault.met >= 8, live.said)
        first.close()
        (pid,) = children(live.process.pid, "exporter")
        os.kill(pid, signal.SIGKILL)
        at = lines(live)
        until(lambda: lines(live) > at + 200, live.said)
        waited = waiting(folder)
        after = stack.enter_context(kentik_inside(place, device, port=PORT))
        until(lambda: after.flows, live.said)
        spoken = talk.finish()
        until(lambda: sent(before.flows + after.flows).total() >= spoken.total(), live.said)
        records = live.stop()
    assert waited > 10
    assert kept(records) == spoken
    assert sent(before.flows + after.flows) == spoken
    assert by_way(before.flows + after.flows, talk) == way_sums(spoken)
    assert {flow["sampleRate"] for flow in after.flows} == {100}
    assert (before.refused, after.refused, set_aside(folder)) == ([], [], [])


def test_kill_9_in_mid_request(place, folder):
    """Twice: one request was not taken, one was and comes again. The rate stays while nobody tells the devices."""
    device = devices.device(device_sample_rate="2")
    with kentik_inside(place, device) as kentik, watched(place, folder, kentik) as live:
        worker = live.capturing()
        with Talk(place) as talk:
            for kind in ("reset", "slow"):
                batches(kentik, 2, live)
                held = kentik.faults.order(Fault(kind, seconds=3))
                until(lambda held=held: held.met, live.said)
                (pid,) = children(live.process.pid, "exporter")
                os.kill(pid, signal.SIGKILL)
                kentik.faults.order(Fault("status", "/api", times=3))
            batches(kentik, 3, live)
            spoken = only(talk.finish(), ends_of(kentik.flows))
        assert live.counters()["pid"] == worker
        records = live.stop()
    arrived = sent(kentik.flows)
    assert {flow["sampleRate"] for flow in kentik.flows} == {200}
    assert kept(records) == spoken
    assert not spoken - arrived
    assert arrived - spoken in [Counter(), *map(sent, kentik.batches)]
    assert (kentik.refused, set_aside(folder)) == ([], [])


def test_the_devices_sample_rate_changes(place, folder):
    """From one packet to the next: before it every flow, then some, then every one again, and no packet is missing."""
    device = devices.device()
    with kentik_inside(place, device) as kentik, watched(place, folder, kentik) as live:
        live.capturing()
        with Talk(place) as talk:
            batches(kentik, 2, live)
            device["device_sample_rate"] = "2"
            until(lambda: kentik.flows[-1]["sampleRate"] == 200, live.said)
            before = live.counters()
            after = live.received(before["packets_received"] + 300)
            device["device_sample_rate"] = "1"
            until(lambda: kentik.flows[-1]["sampleRate"] == 100, live.said)
            until(lambda: len(ends_of(kentik.batches[-1])) == 2 * CLIENTS, live.said)
        records = live.stop()
    rates = [flow["sampleRate"] for flow in kentik.flows]
    begin, end = rates.index(200), len(rates) - rates[::-1].index(200)
    first, middle, last = kentik.flows[:begin], kentik.flows[begin:end], kentik.flows[end:]
    some, changes = ends_of(middle), (sum(way_sums(sent(first))), -sum(way_sums(sent(last))))
    assert set(rates[:begin] + rates[end:]) == {100}
    assert set(rates[begin:end]) == {200}
    assert 0 < len(some) < 2 * CLIENTS
    assert sent(first) == talk.sums(0, changes[0])
    assert sent(middle) == only(talk.sums(*changes), some)
    assert sent(last) == talk.sums(changes[1])
    assert before["dropped_not_sampled"] == after["dropped_not_sampled"]
    assert kept(records) == sent(kentik.flows)
    assert (kentik.refused, set_aside(folder)) == ([], [])


def test_the_devices_flow_rate_changes(place, folder):
    """Fewer records, each for so many more, by the same worker; then all of them again."""
    device = devices.device()
    with kentik_inside(place, device) as kentik, watched(place, folder, kentik) as live:
        worker = live.capturing()
        with Talk(place) as talk:
            batches(kentik, 2, live)
            device["max_flow_rate"] = 40
            until(lambda: kentik.flows[-1]["sampleRate"] > 100, live.said)
            batches(kentik, 3, live)
            device["max_flow_rate"] = 4000
            until(lambda: kentik.flows[-1]["sampleRate"] == 100, live.said)
            spoken = talk.finish()
        assert live.counters()["pid"] == worker
        records = live.stop()
    few = [flow["sampleRate"] / 100 for flow in kentik.flows if flow["sampleRate"] > 100]
    offered = sum((r["packets"] > 0) + (r["rev_packets"] > 0) for r in records)
    stood_for = sum(flow["sampleRate"] / 100 for flow in kentik.flows)
    packets = sum((flow["inPkts"] + flow["outPkts"]) * flow["sampleRate"] / 100 for flow in kentik.flows)
    assert kept(records) == spoken
    assert sum(few) > 2 * len(few) > 0
    assert stood_for == pytest.approx(offered, abs=len(few) / 200)
    assert packets == pytest.approx(sum(way_sums(spoken)), rel=0.1)
    assert (kentik.refused, set_aside(folder)) == ([], [])


CONFIG = """
[interface.vb]
device_id = 11
sample = 2

[interface.wb]
device_id = 12
"""


def test_each_nic_has_its_own_device(place, folder):
    """One at the file's sample rate, one at its device's; each under its own number and no other."""
    known = [
        devices.device(id="11", device_name="west", sending_ips=[], device_sample_rate="8"),
        devices.device(id="12", device_name="east", sending_ips=[], device_sample_rate="4"),
    ]
    place.join("wa", "wb")
    (folder / "flowherd.toml").write_text(CONFIG)
    chosen = ["--interface", "vb", "--interface", "wb", "--config", folder / "flowherd.toml"]
    with kentik_inside(place, *known) as kentik, watched(place, folder, kentik, *chosen) as live:
        live.capturing("vb")
        live.capturing("wb")
        with Talk(place) as one, Talk(place, "wa", "wb", first=30_000) as other:
            until(lambda: {flow["deviceId"] for flow in kentik.flows} == {11, 12}, live.said)
            batches(kentik, 4, live)
        records = live.stop()
    for number, talk, rate in ((11, one, 200), (12, other, 400)):
        flows = [flow for flow in kentik.flows if flow["deviceId"] == number]
        ends = ends_of(flows)
        assert {flow["sampleRate"] for flow in flows} == {rate}
        assert 0 < len(ends) < 2 * CLIENTS
        assert sent(flows) == only(talk.sums(), ends)
        assert by_way(flows, talk) == way_sums(only(talk.sums(), ends))
    assert sent(kentik.flows) == kept(records)
    posts = [request for request in kentik.requests if request.path == "/chf"]
    assert {sender for request in posts for sender in request.query["sender_id"]} == {
        "1:west:11",
        "1:east:12",
    }
    assert (kentik.refused, set_aside(folder)) == ([], [])
