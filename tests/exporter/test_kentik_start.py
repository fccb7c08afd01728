"""What ends a start that Kentik says no to, what does not, and whose no it is."""

import pytest

from exporter.kentik.client import Client
from exporter.kentik.errors import Denied, Unreachable, check
from exporter.orders import KentikOrders
from tests.exporter.rig import exporter, settings
from tests.kentik import devices
from tests.kentik.faults import Fault
from tests.kentik.server import EMAIL, TOKEN, Server
from tests.proxy.rig import running


def orders(kentik, **more):
    """The exporter's, with one sink."""
    told = {"email": EMAIL, "token": TOKEN, "device_id": 1, "api_url": kentik.api_url}
    told |= {"flow_url": kentik.flow_url, "metrics_url": kentik.metrics_url, **more}
    return {"sinks": [{"name": "kentik", "kind": "kentik", "target": ""}], "kentik": told}


def said(folder, kentik, did, **more):
    """What the exporter tells the supervisor, and what it says to stderr."""
    with (folder / "log").open("w") as log:
        with exporter(settings(folder) | orders(kentik, **more), stderr=log) as rig:
            message = rig.hear(did)
        assert "Traceback" not in (folder / "log").read_text()
    return message, (folder / "log").read_text()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "authentication failed: Kentik refuses the credentials: device 1: HTTP 401 (ordered)"),
        (403, "Kentik forbids it: device 1: HTTP 403 (ordered)"),
        (404, "device not found: device 1: HTTP 404 (ordered)"),
        (400, "failed to configure delivery to Kentik: device 1: HTTP 400 (ordered)"),
    ],
)
def test_a_no_ends_the_start_in_a_sentence(tmp_path, status, words):
    """Kprobe's words stand first."""
    with Server() as kentik:
        kentik.faults.order(Fault("status", "/api", times=9, status=status))
        message, _ = said(tmp_path, kentik, "refused")
    assert (message["why"].startswith(words), message["code"]) == (True, 1), message["why"]


def test_another_programs_answer_ends_the_start(tmp_path):
    with Server() as kentik:
        message, _ = said(tmp_path, kentik, "refused", api_url=kentik.url + "/api/internal/devices?x=")
    assert message["why"] == (
        "failed to configure delivery to Kentik: device 1: the answer is not understood; is --api-url Kentik's API?"
    )


def test_odd_columns_are_none(tmp_path):
    device = devices.device() | {"custom_column_data": ["x", None, {"col_name": "STR00", "field_id": "1"}]}
    with Server(device) as kentik:
        said(tmp_path, kentik, "ready")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxys_no_is_the_proxys(tmp_path, scheme):
    """Of a plain request and of CONNECT; records wait, as when nobody answers."""
    with Server() as kentik, running("--allow", "other.example") as proxy:
        api = kentik.api_url.replace("http:", f"{scheme}:")
        through = proxy.url.replace("//", "//user:secret@")
        _, log = said(tmp_path, kentik, "ready", api_url=api, proxy_url=through)
        assert kentik.requests == []
    assert f"the proxy {proxy.url.removeprefix('http://')}" in log
    assert "403" in log
    assert "credentials" not in log
    assert "secret" not in log


@pytest.mark.parametrize(
    ("status", "headers", "through", "whose"),
    [
        (403, {}, True, "Kentik forbids it"),
        (403, {"Proxy-Status": "x"}, True, "the proxy"),
        (407, {"Proxy-Authenticate": "Basic realm=x"}, True, "the proxy"),
        (403, {"Proxy-Status": "x"}, False, "Kentik forbids it"),
    ],
)
def test_what_a_403_tells_of_who_said_it(status, headers, through, whose):
    with Server() as kentik:
        kentik.faults.order(Fault("status", "/", status=status, headers=headers))
        client = Client(KentikOrders(EMAIL, TOKEN, proxy_url=kentik.url if through else ""))
        with pytest.raises((Unreachable, Denied), match=whose):
            check(client.send("GET", kentik.api_url), "it")
        client.close()


def test_a_403_without_the_apis_words_may_be_anybodys():
    with Server() as kentik:
        kentik.faults.order(Fault("status", "/", status=403))
        client = Client(KentikOrders(EMAIL, TOKEN))
        answer = client.send("GET", kentik.api_url)
        answer._content = b"<html>no</html>"
        with pytest.raises(Denied, match="or something on the way there"):
            check(answer, "it")
        client.close()
