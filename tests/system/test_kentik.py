"""A whole flowherd sends to a Kentik of our own: what arrives is what the other sinks have, whatever goes wrong."""

import contextlib
import json
import os
import signal
import socket
import socketserver
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from scapy.layers.radius import (
    Radius,
    RadiusAttr_Acct_Status_Type,
    RadiusAttr_Framed_IP_Address,
    RadiusAttr_User_Name,
)

from tests import conversations as said
from tests.captures import pcap
from tests.kentik import devices
from tests.kentik.authority import authority
from tests.kentik.faults import Fault
from tests.kentik.server import EMAIL, TOKEN, Server
from tests.segments import datagram, segment
from tests.system.host import FLOWHERD, children, flowherd, needs_tcpreplay, run, until, wire
from tests.worker.heard import Line
from tests.worker.trial import START_NS
from worker.jit_cache import DEFAULT_ROOT

ETHERNET = bytes.fromhex("0200000000020200000000010800")
pytestmark = pytest.mark.slow


def conversation(number):
    """A connection with one request, from a port of its own."""
    line = Line(client=20_000 + number).handshake()
    line.say(said.C, said.request(url=f"/{number}")).say(said.S, said.response(204)).end()
    return line.frames


@pytest.fixture
def capture(folder):
    """Two hundred connections, all in the same moment."""
    found = sorted(frame for number in range(200) for frame in conversation(number))
    path = folder / "capture.pcap"
    path.write_bytes(pcap([(at, ETHERNET + data) for at, _link, data, _whole in found]))
    return path


class Agent:
    """A flowherd that replays a capture to a server and, for comparison, into a file."""

    def __init__(self, folder, server, *words, verb="replay", token=TOKEN, **environment):
        self.out = folder / "flows.jsonl"
        places = [
            f"--api-url={server.api_url}",
            f"--flow-url={server.flow_url}",
            f"--dns-url={server.dns_url}",
        ]
        places += [f"--metrics-url={server.metrics_url}", "--device-name=dev1"]
        dirs = [f"--state-dir={folder}/state", f"--cache-dir={DEFAULT_ROOT}"]
        sinks = ["--sink", f"jsonl:{self.out}"] if verb == "replay" else []
        command = [*FLOWHERD, verb, *map(str, words), "--email", EMAIL, *places, *dirs, *sinks]
        environment = os.environ | {"KENTIK_TOKEN": token} | environment
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)

    def finish(self):
        """Exit code and what was said."""
        _, said_ = self.process.communicate(timeout=100)
        return self.process.returncode, said_

    def records(self):
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def children(self, kind):
        return children(self.process.pid, kind)


def sent(flows):
    """Packets and bytes by unidirectional flow."""
    sums = Counter()
    for flow in flows:
        ends = flow["ipv4SrcAddr"], flow["l4SrcPort"], flow["ipv4DstAddr"], flow["l4DstPort"]
        sums[*ends, "packets"] += flow["inPkts"] + flow["outPkts"]
        sums[*ends, "bytes"] += flow["inBytes"] + flow["outBytes"]
    return sums


def kept(records):
    """The same of a file's records."""
    sums = Counter()
    for r in records:
        src, dst = (int.from_bytes(bytes(map(int, r[name].split(".")))) for name in ("src_addr", "dst_addr"))
        ends = src, r["src_port"], dst, r["dst_port"]
        for prefix, way in (("", ends), ("rev_", (*ends[2:], *ends[:2]))):
            if r[f"{prefix}packets"]:
                sums[*way, "packets"] += r[f"{prefix}packets"]
                sums[*way, "bytes"] += r[f"{prefix}bytes"]
    return sums


def test_all_arrives(folder, capture):
    with Server() as kentik:
        agent = Agent(folder, kentik, capture)
        code, _ = agent.finish()
    assert (code, kentik.refused) == (0, [])
    assert sent(kentik.flows) == kept(agent.records())
    assert len(kentik.interfaces) == 1
    assert all(flow["sampleRate"] == 100 for flow in kentik.flows)


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("status", status=503, times=2)],
        [Fault("status", status=429, headers={"Retry-After": "1"})],
        [Fault("reset"), Fault("half"), Fault("cut")],
        [Fault("status", "/api", status=500), Fault("reset", "/api")],
    ],
)
def test_what_fails_is_sent_again(folder, capture, faults):
    with Server() as kentik:
        for fault in faults:
            kentik.faults.order(fault)
        agent = Agent(folder, kentik, capture)
        code, told = agent.finish()
    assert (code, kentik.refused) == (0, []), told
    assert sent(kentik.flows) == kept(agent.records())


def test_kill_9_in_mid_request(folder, capture):
    """Nothing is lost, and at most the request in hand comes twice."""
    with Server() as kentik:
        slow = kentik.faults.order(Fault("slow", seconds=5))
        agent = Agent(folder, kentik, capture)
        until(lambda: slow.met, "no request")
        for pid in agent.children("exporter"):
            os.kill(pid, signal.SIGKILL)
        code, told = agent.finish()
        until(lambda: len(kentik.batches) >= 2 or not slow.met, "the slow request never ended")
    assert code == 0, told
    expected = kept(agent.records())
    arrived = sent(kentik.flows)
    assert not expected - arrived
    first = {id(flow) for flow in kentik.batches[0]}
    assert sent(flow for flow in kentik.flows if id(flow) not in first) <= expected


def test_refused_credentials_end_it(folder, capture):
    with Server() as kentik:
        code, told = Agent(folder, kentik, capture, token="wrong").finish()
    assert code == 1
    assert "Kentik refuses the credentials" in told
    assert "--token" in told
    assert "Traceback" not in told


def test_a_device_that_is_not_there(folder, capture):
    with Server(devices.device(devices.CURRENT, device_name="other")) as kentik:
        code, told = Agent(folder, kentik, capture).finish()
        assert code == 1
        assert "--device-plan" in told
        code, told = Agent(folder, kentik, capture, "--device-plan", "7", "--device-ip", "192.0.2.7").finish()
    assert code == 0, told
    assert kentik.devices[-1]["device_name"] == "dev1"
    assert {flow["deviceId"] for flow in kentik.flows} == {int(kentik.devices[-1]["id"])}


def test_a_message_refused_is_set_aside(folder, capture):
    with Server() as kentik:
        kentik.faults.order(Fault("status", status=400))
        code, told = Agent(folder, kentik, capture).finish()
    assert code == 0
    assert "set aside" in told
    assert not kentik.flows


def test_the_devices_rate_is_kept_to(folder, capture):
    """Fewer records, each for so many more: sums stay what they were, but for chance."""
    with Server(devices.device(devices.CURRENT, max_flow_rate=100)) as kentik:
        agent = Agent(folder, kentik, capture)
        assert agent.finish()[0] == 0
    expected, flows = kept(agent.records()), kentik.flows
    offered = sum(1 for key in expected if key[-1] == "packets")
    assert 100 <= len(flows) <= 250 < offered
    packets = sum((flow["inPkts"] + flow["outPkts"]) * flow["sampleRate"] / 100 for flow in flows)
    assert packets == pytest.approx(sum(n for key, n in expected.items() if key[-1] == "packets"), rel=0.1)


def test_certificates_are_verified(folder, capture):
    """By the system's roots, or those that SSL_CERT_FILE names; a certificate nobody vouches for gets nothing."""
    made = authority(folder)
    made.certificate.chmod(0o644)
    with Server(context=made.context) as kentik:
        code, told = Agent(folder, kentik, capture).finish()
        assert (code, kentik.requests) == (1, [])
        assert "certificate" in told
        assert "Traceback" not in told
        agent = Agent(folder, kentik, capture, SSL_CERT_FILE=str(made.certificate))
        code, told = agent.finish()
    assert (code, kentik.refused) == (0, []), told
    assert sent(kentik.flows) <= kept(agent.records())
    assert kentik.flows


def socks_to(server, asked):
    """A SOCKS 5 proxy (RFC 1928) without authentication, whatever it is asked for: to the server's port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            here = self.request
            here.recv(2 + here.recv(2, socket.MSG_PEEK)[1])
            here.sendall(b"\5\0")
            asked.append(here.recv(300))
            here.sendall(b"\5\0\0\1" + bytes(6))
            with socket.create_connection(("127.0.0.1", server)) as there:
                other = threading.Thread(target=pour, args=(there, here), daemon=True)
                other.start()
                pour(here, there)

    return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)


def pour(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_through_a_socks_proxy(folder, capture):
    asked = []
    with Server() as kentik, socks_to(int(kentik.url.rpartition(":")[2]), asked) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        agent = Agent(folder, kentik, capture, "--proxy-url", f"socks5://127.0.0.1:{proxy.server_address[1]}")
        code, told = agent.finish()
        proxy.shutdown()
    assert (code, kentik.refused) == (0, []), told
    assert asked
    assert sent(kentik.flows) == kept(agent.records())


def test_nobody_sees_the_token(folder, capture):
    with Server() as kentik:
        slow = kentik.faults.order(Fault("slow", seconds=3))
        agent = Agent(folder, kentik, capture)
        until(lambda: slow.met, "no request")
        shown = [
            path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)
        ]
        inherited = [
            Path(f"/proc/{pid}/environ").read_bytes()
            for kind in ("exporter", "nursery")
            for pid in agent.children(kind)
        ]
        assert inherited
        assert not any(b"KENTIK_TOKEN" in text or b"FLOWHERD_TOKEN" in text for text in (*shown, *inherited))
        agent.finish()


def test_dns_mode(folder):
    """Answers with their time to live; over UDP and TCP; queries, empty answers and notices are none."""
    asked, told = said.dns_query(7, "a.example"), said.dns_answer(7, "a.example", 9)
    line = Line(port=53, client=30_000).handshake()
    line.say(said.C, said.hellos.sized(said.dns_query(8, "b.example")))
    line.say(said.S, said.hellos.sized(said.dns_answer(8, "b.example", 10))).end()
    packets = [(at, data) for at, _link, data, _whole in line.frames]
    ends = (40_001, 53)
    packets += [(START_NS, datagram(0, asked, ports=ends)), (START_NS + 1, datagram(1, told, ports=ends))]
    packets += [
        (START_NS + 2, datagram(1, said.dns_answer(9, "none.example", 0, rcode=3), ports=(40_002, 53))),
        (START_NS + 3, datagram(1, said.dns_answer(10, "notice.example", opcode=4), ports=(40_003, 53))),
    ]
    path = folder / "dns.pcap"
    path.write_bytes(pcap([(at, ETHERNET + data) for at, data in sorted(packets)]))
    with Server() as kentik:
        code, told = Agent(folder, kentik, path, verb="dns").finish()
    assert (code, kentik.refused) == (0, []), told
    found = {a["Question"]["Name"]: a["Answers"] for a in kentik.answers}
    assert {name: [(x["IP"][-1], x["TTL"]) for x in answers] for name, answers in found.items()} == {
        "a.example": [(9, 60)],
        "b.example": [(10, 60)],
    }
    assert {a["Question"]["Host"] for a in kentik.answers} == {bytes([198, 51, 100, 1])}


@contextlib.contextmanager
def kentik_inside(place, *known, **more):
    """A server on the loopback of a namespace."""
    run("ip", "-n", place.name, "link", "set", "lo", "up")
    with place.entered():
        server = Server(*known, **more)
    with server:
        yield server


@pytest.mark.root
@needs_tcpreplay
def test_live_with_the_devices_sample_rate(folder, capture):
    """Kprobe's own words; one flow of eight, each with its rate; what an outage holds up is sent later."""
    device = devices.device(devices.CURRENT, device_sample_rate="8")
    with wire() as place, kentik_inside(place, device) as kentik:
        words = ["--email", EMAIL, "--token", TOKEN, "--device-id", device["id"], "--api-url", kentik.api_url]
        words += ["--flow-url", kentik.flow_url, "--metrics-url", kentik.metrics_url]
        with flowherd(place, folder, *words) as live:
            live.capturing()
            outage = kentik.faults.order(Fault("status", status=503, times=2))
            place.replay(capture, "--topspeed")
            until(lambda: outage.met == 2, live.said)
            records = live.stop()
    assert (kentik.refused, len(kentik.interfaces)) == ([], 1)
    assert {flow["sampleRate"] for flow in kentik.flows} == {800}
    assert 0 < sum(r["packets"] for r in records) < 200 * 5 / 2
    assert sent(kentik.flows) == kept(records)
    assert {flow["inputPort"] or flow["outputPort"] for flow in kentik.flows} != {0}


@pytest.mark.root
@needs_tcpreplay
def test_a_slow_kentik_holds_nothing_up(folder, capture):
    """Capture begins, and what was counted is sent once Kentik answers."""
    with wire() as place, kentik_inside(place, devices.device(devices.CURRENT)) as kentik:
        slow = kentik.faults.order(Fault("slow", path="/api", times=1, seconds=60))
        words = ["--email", EMAIL, "--token", TOKEN, "--device-name", "dev1", "--api-url", kentik.api_url]
        words += ["--flow-url", kentik.flow_url, "--metrics-url", kentik.metrics_url]
        with flowherd(place, folder, *words) as live:
            live.capturing()
            place.replay(capture, "--topspeed")
            live.received(200 * 5)
            records = live.stop()
    assert slow.met == 1
    assert sent(kentik.flows) == kept(records)


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_dns_as_a_juniper_router_mirrors_it(folder, proto):
    """An answer in a packet in a packet, behind eight octets; what is too short for one is let alone."""
    inner = bytes(8) + datagram(1, said.dns_answer(7, "a.example", 9), ports=(40_001, 53))
    wrapped = [inner, bytes(8), b"", bytes(9), inner[:20]]
    if proto == "udp":
        packets = [datagram(0, payload, ports=(5000, 6000)) for payload in wrapped]
    else:
        packets = [
            segment(0, "PA", 1 + 100 * n, 1, payload=p, ports=(5000, 6000)) for n, p in enumerate(wrapped)
        ]
    path = folder / "mirrored.pcap"
    path.write_bytes(pcap([(START_NS + n, ETHERNET + data) for n, data in enumerate(packets)]))
    with Server() as kentik:
        code, told = Agent(folder, kentik, "--juniper-mirror", path, verb="dns").finish()
    assert (code, kentik.refused) == (0, []), told
    assert [(a["Question"]["Name"], a["Answers"][0]["TTL"]) for a in kentik.answers] == [("a.example", 60)]
    assert {a["Question"]["Host"] for a in kentik.answers} == {bytes([198, 51, 100, 1])}


TAGGED = ETHERNET[:12] + bytes.fromhex("8100 0007 0800")
COOKED = bytes.fromhex("0800 0000 00000002 0001 00 06 0200000000010000")  # LINKTYPE_LINUX_SLL2


@pytest.mark.parametrize(
    ("link", "before"),
    [(1, ETHERNET), (1, TAGGED), (101, b""), (276, COOKED)],
    ids=["", "vlan", "raw", "any"],
)
def test_radius_mode(folder, link, before):
    """Who started and who stopped, on the ports named."""
    messages = [(1, "ann", "192.0.2.7"), (2, "bob", None), (3, "cay", "192.0.2.9")]
    packets = []
    for number, (status, user, address) in enumerate(messages):
        attributes = [RadiusAttr_User_Name(value=user.encode()), RadiusAttr_Acct_Status_Type(value=status)]
        attributes += [RadiusAttr_Framed_IP_Address(value=address)] if address else []
        request = bytes(Radius(code=4, id=number, attributes=attributes))
        packets.append((START_NS + number, before + datagram(0, request, ports=(50_000, 11_813))))
    path = folder / "radius.pcap"
    path.write_bytes(pcap(packets, link=link))
    with Server() as kentik:
        code, told = Agent(folder, kentik, path, "--ports", "11813", verb="radius").finish()
    assert (code, kentik.refused) == (0, []), told
    (request,) = kentik.populators
    assert request["upserts"] == [{"value": "ann", "criteria": [{"addr": ["192.0.2.7"]}]}]
    assert request["deletes"] == [{"value": "bob"}]
