"""Every request to Kentik, header by header, as kprobe's and libkflow's are; and what is logged of it."""

import json
import threading

import pytest

from exporter.kentik import self_metrics
from exporter.kentik.chores import Chores
from exporter.kentik.client import Client
from exporter.kentik.fleet import Fleet
from exporter.orders import KentikOrders
from shared import wire
from shared.elements import BY_NAME
from shared.reasons import AppProtocol
from shared.record import Batch, pack
from tests.exporter.rig import exporter, put_texts, settings, some_rows
from tests.exporter.test_kentik_start import orders
from tests.kentik.server import EMAIL, TOKEN, Server
from tests.system.test_kentik import socks_to

CREDENTIALS = {"x-ch-auth-email": EMAIL, "x-ch-auth-api-token": TOKEN}
LIBKFLOW = CREDENTIALS | {"user-agent": "Go-http-client/1.1", "accept-encoding": "gzip"}


def headers(request):
    """All but those of the connection and the length."""
    return {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}


def told(folder, kentik, kind, rows, texts, **more):
    """What an exporter says that is given these rows for one sink, drained."""
    given = settings(folder) | orders(kentik, dns_url=kentik.dns_url) | more
    given["sinks"][0] |= {"name": kind, "kind": kind}
    with (folder / "log").open("w") as log, exporter(given, stderr=log) as rig:
        rig.hear("ready")
        worker = rig.worker()
        octets = put_texts(rows, texts)
        worker.send(wire.frame(1, 0, len(rows), pack(Batch("eth0", 2, 1, rows, {}, octets))))
        worker.close()
        rig.drain()
    return (folder / "log").read_text()


@pytest.mark.parametrize("level", ["info", "debug", "trace"])
def test_flows(tmp_path, level):
    """And its line in the log: none, a line a message with -v, a line a request with -vv."""
    with Server() as kentik:
        log = told(tmp_path, kentik, "kentik", some_rows(1, 3), [()] * 3, log_level=level)
    assert kentik.refused == []
    first, *_, last = kentik.requests
    assert headers(first) == LIBKFLOW | {"content-type": "application/json"}
    wanted = {"content-type": "application/binary", "content-encoding": "gzip"}
    assert headers(last) == LIBKFLOW | wanted
    assert (last.path, last.raw_query) == ("/chf", "sender_id=1%3Adev1%3A1&sid=0")
    assert last.headers["content-length"] == str(len(last.body))
    assert ("flows sent device=dev1 records=3" in log) == (level != "info")
    assert (f"asked method=POST url='{kentik.flow_url}?sender_id=" in log) == (level == "trace")
    assert TOKEN not in log.replace("Token", "")


def test_answers(tmp_path):
    """No content type, no user agent."""
    rows = some_rows(0, 1)
    rows["app_protocol"], rows["number1"] = AppProtocol.DNS, 0
    with Server() as kentik:
        told(tmp_path, kentik, "kentik-dns", rows, [(b"a.example", b"\4\0\0\0\1\1\2\3\4")])
    (post,) = (one for one in kentik.requests if one.path == "/dns")
    assert (headers(post), post.raw_query, len(kentik.answers)) == (CREDENTIALS | {"accept": "*/*"}, "", 1)


def test_users(tmp_path):
    rows = some_rows(0, 1)
    rows["app_protocol"] = AppProtocol.RADIUS
    for name, value in {"radius_code": 4, "radius_acct_status": 1, "radius_framed_addr": 0x0A010203}.items():
        rows[BY_NAME[name].cell] = value
    texts = [b"bob" if cell == BY_NAME["radius_user_name"].cell else None for cell in ("text0", "text1")]
    with Server() as kentik:
        told(tmp_path, kentik, "kentik-radius", rows, [tuple(texts)])
    (post,) = (one for one in kentik.requests if one.path.endswith("/populators"))
    assert post.path == "/api/internal/batch/customdimensions/kt_user/populators"
    assert headers(post) == CREDENTIALS | {"accept": "*/*", "content-type": "application/json"}
    assert list(json.loads(post.body).items()) == [
        ("replace_all", False),
        ("complete", True),
        ("ttl_minutes", 0),
        ("upserts", [{"value": "bob", "criteria": [{"addr": ["10.1.2.3"]}]}]),
    ]


def test_metrics(monkeypatch):
    monkeypatch.setattr(self_metrics, "EVERY_S", 0.0)
    counts = {"kentik_records_in": 7, "kentik_records_sent": 5, "kentik_rate_limited_records": 2}
    with Server() as kentik:
        told_ = KentikOrders(**orders(kentik)["kentik"])
        client, fleet = Client(told_), Fleet(told_)
        fleet.find(client)
        chores = Chores(told_, fleet, counts | {"kentik_bytes_sent": 0})
        chores._step()
        for one in (client, chores._client):
            one.close()
    (post,) = (one for one in kentik.requests if one.path == "/tsdb")
    assert headers(post) == LIBKFLOW | {"content-type": "application/json"}
    found = {(one["metric"], one["tags"]["type"]): one["value"] for one in json.loads(post.body)}
    assert found == {
        ("chf.client_Total", "count"): 7,
        ("chf.client_DownsampleFPS", "count"): 5,
        ("chf.client_RateLimitDrops", "count"): 2,
    }
    wanted = {"host", "ver", "ft", "dt", "level", "cid", "did", "type"}
    assert {frozenset(one["tags"]) for one in json.loads(post.body)} == {frozenset(wanted)}


def test_a_socks_proxy_looks_names_up():
    """As libkflow leaves it to do; this host may know none outside."""
    asked = []
    with Server() as kentik, socks_to(int(kentik.url.rpartition(":")[2]), asked) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        client = Client(KentikOrders(EMAIL, TOKEN, proxy_url=f"socks5://127.0.0.1:{proxy.server_address[1]}"))
        status = client.send("GET", "http://api.nowhere.invalid/api/internal/device/1").status_code
        client.close()
        proxy.shutdown()
    assert (status, b"api.nowhere.invalid" in asked[0]) == (200, True)
