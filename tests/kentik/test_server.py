"""The test server is as strict as Kentik's receivers: what they refuse it refuses, with their status."""

import gzip
import threading
import time

import msgpack
import pytest
import requests

from tests.kentik import devices, faults
from tests.kentik.authority import authority
from tests.kentik.faults import Fault
from tests.kentik.server import EMAIL, TOKEN, Server

# Two flows of device 7, as libkflow packed them.
VECTOR = bytes.fromhex(
    "106c40013101b70251081d0e000203dc050103000099020a010a1339305010060006106401070002100200050fffffffff000811bd67000b"
    "10110004010a010130900101070002100200050fffffffff00071159820004510c0301010b01020000112132110c4d0002010d0104000011"
    "058a1f68656c6c6f13040a0900010f20010db88001"
)
PREFIX = bytes(80)
FLOW = {"Content-Type": "application/binary", "Content-Encoding": "gzip"}
QUERY = {"sender_id": "1:dev1:7", "sid": "0"}
CREATION = {
    "device_name": "web_1",
    "device_type": "host-nprobe-dns-www",
    "device_subtype": "kprobe",
    "device_description": "web.1",
    "device_sample_rate": "1",
    "device_bgp_type": "none",
    "plan_id": 5,
    "cdn_attr": "N",
    "sending_ips": ["192.0.2.1"],
}
DNS_ANSWER = bytes.fromhex(
    "82a85175657374696f6e82a44e616d65a5612e636f6da4486f7374c4040a000001a7416e73776572739184a44e616d65a0a5434e414d45a0"
    "a24950c40401020304a354544ccd012b"
)


@pytest.fixture
def kentik():
    with Server(devices.device(id="7")) as server:
        yield server


@pytest.fixture
def agent():
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"X-CH-Auth-Email": EMAIL, "X-CH-Auth-API-Token": TOKEN})
        yield session


def post(agent, kentik, octets=PREFIX + VECTOR, **changed):
    """The vector as an agent posts it, with a part changed."""
    sent = {"params": QUERY, "headers": FLOW, "data": gzip.compress(octets), "timeout": 10, **changed}
    return agent.post(kentik.flow_url, **sent)


def test_flows_are_taken(agent, kentik):
    answer = post(agent, kentik)
    assert (answer.status_code, answer.content) == (200, b"")
    assert [(flow["inPkts"], flow["outPkts"]) for flow in kentik.flows] == [(3, 0), (0, 1)]
    assert kentik.requests[0].raw_query == "sender_id=1%3Adev1%3A7&sid=0"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"params": {**QUERY, "sid": "1"}}, 400),
        ({"params": {"sender_id": QUERY["sender_id"]}}, 400),
        ({"params": {**QUERY, "sender_id": "1:dev1:8"}}, 400),
        ({"params": {**QUERY, "sender_id": "1:dev1"}}, 400),
        ({"headers": {**FLOW, "Content-Type": "application/binary; charset=utf-8"}}, 400),
        ({"headers": {"Content-Type": "application/binary"}}, 400),
        ({"headers": {**FLOW, "X-CH-Auth-API-Token": "other"}}, 401),
        ({"octets": PREFIX[1:] + VECTOR}, 400),
        ({"octets": VECTOR}, 400),
        ({"octets": PREFIX}, 400),
        ({"octets": PREFIX + VECTOR[:-1]}, 400),
        ({"data": gzip.compress(PREFIX + VECTOR)[:-9]}, 400),
        ({"data": b"no gzip"}, 400),
        ({"data": iter([gzip.compress(PREFIX + VECTOR)])}, 411),
    ],
)
def test_wrong_flows_are_refused(agent, kentik, changed, status):
    assert post(agent, kentik, **changed).status_code == status
    assert kentik.flows == []


def test_as_it_is_a_body_is_taken_too(agent, kentik):
    headers = {"Content-Type": FLOW["Content-Type"]}
    assert post(agent, kentik, data=PREFIX + VECTOR, headers=headers).status_code == 200


def test_records_of_another_device_are_refused(agent):
    with Server(devices.device(id="8")) as kentik:
        assert post(agent, kentik, params={**QUERY, "sender_id": "1:dev1:8"}).status_code == 400
        assert "deviceId" in kentik.refused[0][2]


@pytest.mark.parametrize("name", ["7", "dev1", "127.0.0.1"])
def test_devices_are_found(agent, kentik, name):
    answer = agent.get(f"{kentik.api_url}/device/{name}", timeout=10)
    assert answer.json()["device"]["max_flow_rate"] == 4000
    assert answer.headers["Content-Type"] == "application/json"


def test_unknown_devices_and_paths(agent, kentik):
    assert agent.get(f"{kentik.api_url}/device/9", timeout=10).status_code == 404
    assert agent.get(f"{kentik.url}/elsewhere", timeout=10).status_code == 404
    assert requests.get(f"{kentik.api_url}/device/7", timeout=10).status_code == 401


def test_a_device_is_made(agent, kentik):
    where = f"{kentik.api_url}/device/"
    made = agent.post(where, json={"device": CREATION}, timeout=10)
    assert made.status_code == 201
    number = made.json()["device"]["id"]
    found = agent.get(f"{kentik.api_url}/device/{number}", timeout=10).json()["device"]
    assert (found["device_name"], found["company_id"]) == ("web_1", "1")
    assert len(found["custom_column_data"]) == len(devices.CURRENT)


@pytest.mark.parametrize(
    ("changed", "headers", "status"),
    [
        ({}, {"Content-Type": "text/plain"}, 500),
        ({"device_sample_rate": 1}, {}, 500),
        ({"plan_id": "5"}, {}, 400),
        ({"device_name": "web.1"}, {}, 400),
        ({"device_name": "dev1"}, {}, 400),
    ],
)
def test_a_wrong_creation_is_refused(agent, kentik, changed, headers, status):
    body = {"device": {**CREATION, **changed}}
    assert (
        agent.post(f"{kentik.api_url}/device/", json=body, headers=headers, timeout=10).status_code == status
    )
    assert len(kentik.devices) == 1


def test_interfaces(agent, kentik):
    assert agent.get(f"{kentik.api_url}/device/7/interfaces", timeout=10).json() == []
    where = f"{kentik.api_url}/company/1/device/7/tags/snmp"
    told = {"eth0": {"index": "1", "desc": "eth0"}}
    assert agent.put(where, json=told, timeout=10).status_code == 200
    assert kentik.interfaces == [told]
    assert agent.put(where, json={"eth0": {"index": 1}}, timeout=10).status_code == 400


def test_dns_answers_are_a_stream(agent, kentik):
    assert agent.post(kentik.dns_url, data=DNS_ANSWER * 3, timeout=10).status_code == 200
    assert len(kentik.answers) == 3
    assert kentik.answers[0]["Answers"][0] == {"Name": "", "CNAME": "", "IP": b"\1\2\3\4", "TTL": 299}
    in_a_list = msgpack.packb([msgpack.unpackb(DNS_ANSWER)])
    for wrong in (DNS_ANSWER[:-1], in_a_list, msgpack.packb({"Question": {}}), b"\xc1"):
        assert agent.post(kentik.dns_url, data=wrong, timeout=10).status_code == 400


def test_metrics(agent, kentik):
    told = {"metric": "chf.client_Total", "timestamp": 1, "value": 5, "tags": {"type": "count"}}
    assert agent.post(kentik.metrics_url, json=[told], timeout=10).status_code == 200
    assert kentik.metrics == [told]
    assert agent.post(kentik.metrics_url, json=[{**told, "value": 0}], timeout=10).status_code == 400
    assert agent.post(kentik.metrics_url, json=7, timeout=10).status_code == 400


def test_users(agent, kentik):
    told = {
        "upserts": [{"value": "bob", "criteria": [{"addr": ["10.1.2.3"]}]}],
        "deletes": [{"value": "eve"}],
    }
    where = f"{kentik.api_url}/batch/customdimensions/kt_user/populators"
    assert agent.post(where, json=told, timeout=10).json()["guid"] == "guid-1"


def test_statuses_to_order(agent, kentik):
    kentik.faults.order(Fault("status", times=2))
    kentik.faults.order(faults.too_many(7))
    answers = [post(agent, kentik) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 503, 429, 200]
    assert answers[2].headers["Retry-After"] == "7"
    assert len(kentik.batches) == 1


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("kind", ["reset", "cut", "half"])
def test_connections_end(agent, kentik, kind, takes):
    kentik.faults.order(Fault(kind, takes=takes))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(agent, kentik)
    assert len(kentik.batches) == takes
    assert post(agent, kentik).status_code == 200


def test_a_slow_answer(agent, kentik):
    kentik.faults.order(Fault("slow", seconds=60))
    with pytest.raises(requests.ReadTimeout):
        post(agent, kentik, timeout=0.2)
    assert post(agent, kentik).status_code == 200


def test_faults_meet_their_path_alone(agent, kentik):
    kentik.faults.order(Fault("status", path="/api/internal/device/", status=500))
    assert post(agent, kentik).status_code == 200
    assert agent.get(f"{kentik.api_url}/device/7", timeout=10).status_code == 500
    kentik.faults.order(Fault("status", times=1000))
    kentik.faults.mend()
    assert post(agent, kentik).status_code == 200


def test_many_at_once(agent, kentik):
    def send():
        with requests.Session() as session:
            session.headers.update(agent.headers)
            for _ in range(20):
                post(session, kentik)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kentik.flows) == 160


def test_tls_with_an_authority_of_its_own(agent, tmp_path):
    made = authority(tmp_path)
    with Server(devices.device(id="7"), context=made.context) as kentik:
        with pytest.raises(requests.exceptions.SSLError):
            post(agent, kentik)
        agent.verify = str(made.certificate)
        assert post(agent, kentik).status_code == 200
        kentik.faults.order(Fault("reset"))
        with pytest.raises(requests.ConnectionError):
            post(agent, kentik)


def test_an_expired_certificate(agent, tmp_path):
    made = authority(tmp_path, days=-1)
    with Server(devices.device(id="7"), context=made.context) as kentik:
        agent.verify = str(made.certificate)
        with pytest.raises(requests.exceptions.SSLError):
            post(agent, kentik)


def test_it_ends_with_connections_open(agent):
    begun = time.monotonic()
    with Server(devices.device(id="7")) as kentik:
        post(agent, kentik)
    assert time.monotonic() - begun < 5
    with pytest.raises(requests.ConnectionError):
        post(agent, kentik)
