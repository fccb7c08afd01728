"""Kentik's side gone wrong: what is no answer of its API's, and connections that end as none should."""

import errno
import json
import socket
import threading
import time
from contextlib import suppress

import pytest

from exporter.kentik import agent
from exporter.kentik import client as clients
from exporter.kentik.client import Client
from exporter.kentik.devices import Devices
from exporter.kentik.errors import Denied, Rejected, Unknown, Unreachable, check
from exporter.kentik.fleet import Fleet
from exporter.orders import KentikOrders, Orders, SinkOrder
from exporter.sinks.base import Place
from exporter.sinks.kentik import Kentik
from exporter.sinks.kentik_stream import KentikDns
from shared.reasons import AppProtocol
from shared.record import Batch
from tests.exporter.rig import put_texts, some_rows
from tests.kentik import devices
from tests.kentik.authority import authority
from tests.kentik.faults import Fault, reset
from tests.kentik.server import EMAIL, TOKEN, Server
from tests.proxy.rig import head, server


def whole(body, status="200 OK", headers=""):
    """An answer with its length."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def told(talk, method="GET", **more):
    """What the client makes of a server that reads a head and then talks so."""

    def answer(sock):
        head(sock)
        talk(sock)

    with server(answer) as port:
        client = Client(KentikOrders(EMAIL, TOKEN))
        try:
            return client.send(method, f"http://127.0.0.1:{port}/x", **more)
        finally:
            client.close()


def found(body):
    """The device in an API's answer."""

    def answer(sock):
        head(sock)
        sock.sendall(whole(body))

    with server(answer) as port:
        orders = KentikOrders(EMAIL, TOKEN, device_name="dev1")
        client = Client(orders)
        try:
            return Devices(client, f"http://127.0.0.1:{port}", orders).find(0, [])
        finally:
            client.close()


def device(**more):
    return json.dumps({"device": devices.device(**more)}).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b"5", b'{"device": []}', b'{"device": null}', b"[" * 100_000]
    + [device(id=number) for number in (-1, 0, 1 << 32, "x", None, float("inf"), "9" * 5000)]
    + [device(device_sample_rate=rate) for rate in ("x", 1_000_001, "9" * 30, float("inf"))]
    + [device(max_flow_rate=rate) for rate in ("x", -1, 10**400, float("nan"))]
    + [device(custom_column_data=5)],
    ids=lambda body: body[:40].decode(),
)
def test_an_answer_that_is_not_understood(body):
    """One sentence, in which the remedy stands."""
    with pytest.raises(
        Rejected, match=r"device dev1: the answer is not understood; is --api-url Kentik's API\?"
    ):
        found(body)


@pytest.mark.parametrize(
    "columns", [None, "abc", [1], ["x"], [None], [{}], {"a": 1}, [{"col_name": "A", "field_id": "9" * 5000}]]
)
def test_what_is_no_column_is_left_out(columns):
    known = device(custom_column_data=columns)
    with server(lambda sock: sock.sendall(whole(known)) if head(sock) else None) as port:
        orders = KentikOrders(EMAIL, TOKEN, device_id=1, api_url=f"http://127.0.0.1:{port}")
        fleet, client = Fleet(orders), Client(orders)
        fleet.find(client)
        client.close()
    assert fleet.of("eth0").device.columns.ids == {}


@pytest.mark.parametrize(
    ("status", "error"),
    [(status, Unreachable) for status in (301, 302, 307, 308, 407, 408, 425, 429, 500, 503, 599)]
    + [(status, Rejected) for status in (400, 402, 405, 409, 410, 413, 422)]
    + [(401, Denied), (403, Denied), (404, Unknown)],
)
def test_what_a_status_means(status, error):
    """No redirect is followed: the credentials are Kentik's alone."""
    elsewhere = []
    with server(elsewhere.append) as port:
        more = f"Location: http://127.0.0.1:{port}/\r\n"
        response = told(lambda sock: sock.sendall(whole(b"[1]", f"{status} So", more)))
        with pytest.raises(error):
            check(response, "flows")
    assert elsewhere == []


@pytest.mark.parametrize("status", ["200 OK", "413 Too Large"])
def test_an_answer_counts_though_the_connection_is_gone(status):
    """Else a message that was taken would be sent again."""
    for _ in range(10):

        def talk(sock):
            sock.sendall(whole(b"", status))
            reset(sock)

        assert told(talk, "POST").status_code == int(status[:3])


def test_a_body_that_trickles_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(clients, "WHOLE_S", 0.5)
    gone = threading.Event()

    def talk(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not gone.wait(0.02):
            sock.sendall(b"x")

    with pytest.raises(Unreachable, match="takes too long"):
        told(talk)
    gone.set()


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", whole(b"abc", headers="Content-Encoding: gzip\r\n"),
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", b"SSH-2.0\r\n\r\n"],
)  # fmt: skip
def test_half_an_answer_is_none(answer):
    with pytest.raises(Unreachable):
        told(lambda sock: sock.sendall(answer))


def test_tls_through_a_proxy_that_speaks_tls(tmp_path, monkeypatch):
    """The ends noted are those of the connection to the proxy."""
    made = authority(tmp_path)
    monkeypatch.setattr(clients, "roots", lambda: str(made.certificate))

    def pass_on(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass

    def talk(sock):
        with made.context.wrap_socket(sock, server_side=True) as client:
            place = head(client).split()[1].decode().split(":")
            with socket.create_connection((place[0], int(place[1]))) as behind:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                threading.Thread(target=pass_on, args=(behind, client), daemon=True).start()
                pass_on(client, behind)

    with Server(context=made.context) as kentik, server(talk) as port:
        client = Client(KentikOrders(EMAIL, TOKEN, proxy_url=f"https://127.0.0.1:{port}"))
        assert client.send("GET", f"{kentik.api_url}/device/dev1").status_code == 200
        assert [end[2:] for end in client.ends] == [("127.0.0.1", port)]
        client.close()


def opened(make, folder, kentik, **more):
    """A sink at work, and a batch for it: three DNS answers."""
    rows = some_rows(0, 3)
    rows["app_protocol"], rows["number1"] = AppProtocol.DNS, 0
    batch = Batch("eth0", 2, 1, rows, {}, put_texts(rows, [(b"a.com", b"\4" + bytes(8))] * 3))
    orders = KentikOrders(
        EMAIL,
        TOKEN,
        device_name="dev1",
        api_url=kentik.api_url,
        flow_url=kentik.flow_url,
        dns_url=kentik.dns_url,
    )
    order = SinkOrder("kentik", "kentik", "")
    sink = make(Place(order, Orders((order,), orders, durable=False, **more), folder, "x", -1))
    sink.open(0)
    return sink, batch


def test_answers_refused_are_not_counted_as_sent(tmp_path):
    """And those of a place that is not there come again."""
    with Server() as kentik:
        sink, batch = opened(KentikDns, tmp_path, kentik)
        kentik.faults.order(Fault("status", "/dns", status=400))
        sink.add(1, batch)
        sink.flush()
        assert sink.figures()["kentik_refused_records"] == 3
        assert "kentik_records_sent" not in sink.figures()
        kentik.faults.order(Fault("status", "/dns", status=404))
        sink.add(2, batch)
        with pytest.raises(Unknown):
            sink.flush()
        sink.flush()
        assert (len(kentik.answers), sink.figures()["kentik_records_sent"]) == (3, 3)
        sink.close()


@pytest.mark.parametrize("make", [Kentik, KentikDns])
def test_a_full_disk_sends_nothing_twice(tmp_path, monkeypatch, make):
    """What Kentik has taken is known, also while the cursor cannot be written."""

    def full(*_words, **_more):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Server() as kentik:
        sink, batch = opened(make, tmp_path, kentik)
        with monkeypatch.context() as patch:
            patch.setattr(agent, "replace_file", full)
            for _ in range(3):
                sink.add(1, batch)
                with pytest.raises(OSError, match="No space"):
                    sink.flush()
                sink.discard()
        for sequence in (1, 2):
            sink.add(sequence, batch)
            sink.flush()
        assert (len(kentik.flows) or len(kentik.answers), kentik.refused) == (6, [])
        assert sink.figures()["kentik_records_sent"] == 6
        sink.close()


def test_credentials_refused_end_only_the_first_start(tmp_path):
    """An exporter that died is followed by another, and what is refused later is tried again."""
    with Server() as kentik:
        refused = kentik.faults.order(Fault("status", "/api", times=2, status=401))
        with pytest.raises(Denied):
            opened(Kentik, tmp_path, kentik)
        sink, batch = opened(Kentik, tmp_path, kentik, again=True)
        assert refused.met == 2
        sink.add(1, batch)
        sink.flush()
        assert len(kentik.flows) == 3
        sink.close()


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nX: ", whole(b"y" * 99)[:-50]], ids=str)
def test_an_answer_may_not_drip(monkeypatch, begun):
    """An octet now and then keeps each read within its time, but not the whole."""
    monkeypatch.setattr(clients, "WHOLE_S", 0.5)

    def drip(sock):
        sock.sendall(begun)
        with suppress(OSError):  # until the other end is gone
            while True:
                sock.sendall(b"z")
                time.sleep(0.05)

    with pytest.raises(Unreachable, match="the answer takes too long"):
        told(drip)
