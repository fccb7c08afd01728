"""What decides without I/O on the way to Kentik: places, indices, the rate, own traffic, users."""

import ipaddress
import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.kentik.allowance import BURST_S, Allowance
from exporter.kentik.answers import answers
from exporter.kentik.client import Client
from exporter.kentik.devices import Devices, named
from exporter.kentik.errors import Unreachable
from exporter.kentik.fleet import Fleet, Line
from exporter.kentik.nics import KERNEL, Nic, first_ipv4, registration
from exporter.kentik.own import is_own
from exporter.kentik.self_metrics import SelfMetrics
from exporter.kentik.users import Users
from exporter.orders import KentikOrders
from shared.kentik_endpoints import endpoints
from shared.reasons import AppProtocol
from shared.record import Batch, octets
from tests.exporter.rig import put_texts, some_rows
from tests.kentik import devices
from tests.kentik.faults import Fault
from tests.kentik.server import EMAIL, TOKEN, Server


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (
            {},
            (
                "https://api.kentik.com/api/internal",
                "https://flow.kentik.com/chf",
                "https://flow.kentik.com/dns",
            ),
        ),
        (
            {"region": "eu"},
            (
                "https://api.kentik.eu/api/internal",
                "https://flow.kentik.eu/chf",
                "https://flow.kentik.eu/dns",
            ),
        ),
        (
            {"region": "Lab"},
            (
                "https://api.lab.kentik.com/api/internal",
                "https://flow.lab.kentik.com/chf",
                "https://flow.lab.kentik.com/dns",
            ),
        ),
        (
            {"api_url": "http://a:1/x/", "flow_url": "http://f/chf", "dns_url": "http://d:5/other"},
            ("http://a:1/x", "http://f/chf", "http://d:5/dns"),
        ),
    ],
)
def test_places(orders, expected):
    found = endpoints(KentikOrders(**orders))
    assert (found.api, found.flow, found.dns) == expected


def test_users_go_to_the_apis_host():
    """Whatever its path."""
    path = "/api/internal/batch/customdimensions/kt_user/populators"
    assert endpoints(KentikOrders()).users == f"https://api.kentik.com{path}"
    assert endpoints(KentikOrders(api_url="http://a:1/api/")).users == f"http://a:1{path}"


def test_names_are_kentiks():
    assert named("web-1.example.com") == "web_1_example_com"


def test_registration():
    eth0 = Nic("eth0", 0x020000001234, (("192.0.2.2", "255.255.255.0"), ("2001:db8::2", "ffff::")))
    found = registration([Nic("lo"), Nic("eth1", 5), eth0], {"eth0": 0x1234, "eth1": 5})
    assert set(found) == {"eth0", KERNEL}
    assert found["eth0"]["index"] == str(0x1234)
    assert (found["eth0"]["address"], found["eth0"]["netmask"]) == ("192.0.2.2", "255.255.255.0")
    assert found["eth0"]["alias_address"] == [{"address": "2001:db8::2", "netmask": "ffff::"}]
    assert found[KERNEL]["index"] == "0"
    assert found[KERNEL]["alias_address"] is None
    assert first_ipv4([Nic("lo"), eth0]) == "192.0.2.2"


def test_a_new_device_has_the_watched_interfaces_address():
    nics = [Nic(f"eth{n}", n, ((f"192.0.2.{n}", "255.255.255.0"),)) for n in range(3)]
    assert first_ipv4(nics, ["eth2"]) == first_ipv4(nics, ["none", "*2"]) == "192.0.2.2"
    assert first_ipv4(nics, ["nothing"]) == "192.0.2.0"
    with Server() as kentik:
        orders = KentikOrders(
            EMAIL, TOKEN, device_name="new.host", device_plan=7, device_site=9, interfaces=("eth2",)
        )  # fmt: skip
        client = Client(orders)
        Devices(client, kentik.api_url, orders).find(0, nics)
        client.close()
    paths = [(one.method, one.path.removeprefix("/api/internal")) for one in kentik.requests]
    assert paths == [("GET", "/device/new_host"), ("POST", "/device/"), ("GET", "/device/1000")]
    assert json.loads(kentik.requests[1].body) == {
        "device": {
            "device_name": "new_host",
            "device_type": "host-nprobe-dns-www",
            "device_subtype": "kprobe",
            "device_description": "new.host",
            "device_sample_rate": "1",
            "device_bgp_type": "none",
            "plan_id": 7,
            "site_id": 9,
            "cdn_attr": "N",
            "sending_ips": ["192.0.2.2"],
        }
    }


@given(
    st.integers(0, 5000), st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 5 * 10**9)), max_size=30)
)
def test_the_rate_is_kept_to(rate, steps):
    """Never more than the rate times the time gone, and a burst; all of it where less is wanted."""
    allowance, now_ns, granted = Allowance(rate), 10**18, 0
    for wanted, later_ns in steps:
        now_ns += later_ns
        given_ = allowance.take(wanted, now_ns)
        assert 0 <= given_ <= wanted
        granted += given_
    assert granted <= rate * ((now_ns - 10**18) / 1e9 + BURST_S) + 1


def test_an_outage_is_no_burst():
    """An hour's records at once: as many as an hour may have."""
    allowance = Allowance(100)
    allowance.take(1, 10**18)
    assert allowance.take(10**6, 10**18 + 3600 * 10**9) == 360_000
    assert Allowance(100).take(10**6, 10**18 + 3600 * 10**9, 10**18) == 360_000, "by another exporter"
    assert Allowance(100).take(10**6, 10**18 + 10**9, 10**18) == 200


def batch_of(rows):
    return Batch("eth0", 2, 1, rows)


@given(st.integers(0, 7))
def test_own_traffic_is_told(ours):
    """In either direction; what differs in one port or address is not."""
    batch = batch_of(some_rows(1, 8))
    row = batch.rows[ours]
    ends = []
    for name in ("src", "dst"):
        address = octets(batch.rows, f"{name}_addr")[ours, 12:].tobytes()
        ends += [str(ipaddress.ip_address(address)), int(row[f"{name}_port"])]
    expected = [place == ours for place in range(8)]
    assert is_own(batch, [tuple(ends)]).tolist() == expected
    assert is_own(batch, [(*ends[2:], *ends[:2])]).tolist() == expected
    for wrong in ((ends[0], ends[1] ^ 1, *ends[2:]), ("192.0.2.99", *ends[1:]), ("2001:db8::1", *ends[1:])):
        assert not is_own(batch, [wrong]).any()


def test_figures_above_nothing_are_posted():
    counts = {"Total": 10, "DownsampleFPS": 0, "RateLimitDrops": 0, "BytesSent": 5}
    figures = SelfMetrics(lambda: counts, "7", 12)
    assert not figures.due(0.0)
    found = figures.points()
    assert {(point["metric"], point["tags"]["type"], point["value"]) for point in found} == {
        ("chf.client_Total", "count", 10),
        ("chf.client_BytesSent", "count", 5),
    }
    assert {(point["tags"]["cid"], point["tags"]["did"], point["tags"]["ft"]) for point in found} == {
        ("7", "12", "kprobe")
    }


def test_users_latest_message_counts():
    users = Users()
    users._note(1, "ann", "192.0.2.1")
    users._note(1, "bob", "192.0.2.2")
    users._note(2, "bob", None)
    users._note(2, "cay", None)
    users._note(1, "cay", "192.0.2.3")
    users._note(1, "dan", None)
    request = users.request()
    assert request["upserts"] == [
        {"value": "ann", "criteria": [{"addr": ["192.0.2.1"]}]},
        {"value": "cay", "criteria": [{"addr": ["192.0.2.3"]}]},
    ]
    assert request["deletes"] == [{"value": "bob"}]


def test_an_answer_to_the_octet():
    """a.com for 10.0.0.1: 1.2.3.4 for 299 s, as kprobe writes it."""
    rows = some_rows(0, 2)
    rows["app_protocol"], rows["number1"], rows["src_addr_tail"] = AppProtocol.DNS, 0, 0x0100000A << 32
    told = b"\4" + (299).to_bytes(4) + bytes([1, 2, 3, 4])
    kept = put_texts(rows, [(b"a.com", told), (b"none.example", None)])
    assert [one.hex() for one in answers(Batch("eth0", 2, 1, rows, {}, kept))] == [
        (
            "82a85175657374696f6e82a44e616d65a5612e636f6da4486f7374c4040a000001a7416e7377657273"
            "9184a44e616d65a0a5434e414d45a0a24950c40401020304a354544ccd012b"
        )
    ]


def test_answers_as_text_are_another_runs():
    """And what is cut off is left out."""
    rows = some_rows(0, 3)
    rows["app_protocol"], rows["number1"] = AppProtocol.DNS, 0
    kept = put_texts(rows, [(b"a", b"192.0.2.1/A"), (b"b", b""), (b"c", b"\4\0\0")])
    found = [msgpack.unpackb(one) for one in answers(Batch("eth0", 2, 1, rows, {}, kept))]
    assert [(one["Question"]["Name"], one["Answers"]) for one in found] == [("b", []), ("c", [])]


def test_a_batch_without_answers():
    assert answers(batch_of(some_rows(0, 0))) == []


def test_a_changed_device_is_taken_on():
    """Rate, sample rate and columns hold from the next look on; a device that cannot be read stays as it was."""
    device = devices.device({"FRAGMENTS": 5}, max_flow_rate=10, device_sample_rate="2")
    with Server(device) as kentik:
        orders = KentikOrders(EMAIL, TOKEN, device_name="dev1", api_url=kentik.api_url)
        client, fleet = Client(orders), Fleet(orders)
        fleet.find(client)
        line = fleet.of("eth0")
        assert (fleet.samples, line.allowance.rate, line.device.columns.ids) == (
            {"": 2},
            10,
            {"FRAGMENTS": 5},
        )
        device |= devices.device({"FRAGMENTS": 6}, max_flow_rate=20, device_sample_rate="4")
        fleet.refresh(client)
        assert fleet.samples == {"": 2}
        fleet._due_s = 0.0
        kentik.faults.order(Fault("status", "/api", status=500))
        with pytest.raises(Unreachable):
            fleet.refresh(client)
        assert fleet.samples == {"": 2}
        fleet._due_s = 0.0
        fleet.refresh(client)
        assert (fleet.samples, line.allowance.rate, line.device.columns.ids) == (
            {"": 4},
            20,
            {"FRAGMENTS": 6},
        )
        client.close()


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 10)), min_size=1, max_size=30))
def test_those_sent_stand_for_all(windows):
    """Also for those of a window in which none was granted."""
    line = Line(None, None, Allowance(1))
    wanted = stood_for = 0
    for offered, granted in windows:
        given_ = min(offered, granted)
        share = line.share(offered, given_)
        assert 0 <= share <= 1
        wanted += offered
        stood_for += given_ / share if given_ else 0
    assert stood_for + line.owed == pytest.approx(wanted)
