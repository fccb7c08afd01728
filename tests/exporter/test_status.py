"""The status page: kprobe's shape, Prometheus' metrics, nothing else, and nothing can be changed."""

import http.client
import json
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.figures import GONE_S, Figures, Rate
from shared.counters import COUNTERS
from shared.reasons import FAULTS
from tests.exporter.rig import exporter, free_port, message, settings, until

COUNTS = {"packets_received": 500, "dropped_not_ip": 7, "flows_active": 3}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A running exporter that has taken 1000 records, and its port."""
    port = free_port()
    folder = tmp_path_factory.mktemp("status")
    with exporter(settings(folder, "store", status_port=port)) as rig:
        assert rig.hear("ready")["status_port"] == port
        worker = rig.worker()
        worker.send(message(1, 0, 1000, COUNTS) + message(1, 500, 500, COUNTS))
        until(lambda: worker.listen().get(1) == 1000)
        rig.hear("report")
        yield port


def ask(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def samples(port):
    families = text_string_to_metric_families(ask(port, "/metrics")[2])
    return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}


def test_status_has_kprobes_shape(page):
    status, headers, body = ask(page, "/v1/status")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    found = json.loads(body)
    assert list(found) == ["flows-in", "flows-out"]
    assert list(found["flows-in"]) == list(found["flows-out"]) == ["count", "1m.rate", "5m.rate"]
    assert found["flows-in"]["count"] == 1000
    assert body == json.dumps(found, indent=2)


def test_metrics_by_interface_reason_and_sink(page):
    found = samples(page)
    eth0 = ("interface", "eth0")
    assert found[("flowherd_packets_received_total", eth0)] == 500
    assert found[("flowherd_decode_dropped_total", eth0, ("reason", "not_ip"))] == 7
    assert found[("flowherd_flows_active", eth0)] == 3
    assert found[("flowherd_records_received_total", eth0)] == 1000
    assert found[("flowherd_records_duplicate_total", eth0)] == 500
    assert found[("flowherd_spool_bytes",)] >= 0
    assert ("flowherd_sink_lag_seconds", ("sink", "store")) in found


def test_every_counter_is_there(page):
    """Each name of shared/counters.py, the reasons of the decoder as one metric."""
    found = {name.removesuffix("_total") for name, *_ in samples(page)}
    drops = {f"dropped_{reason.name.lower()}" for reason in FAULTS}
    elsewhere = {
        counter.name for counter in COUNTERS if counter.name.startswith("kentik_")
    }  # no such sink here
    wanted = {f"flowherd_{counter.name}" for counter in COUNTERS if counter.name not in drops | elsewhere}
    assert wanted | {"flowherd_decode_dropped"} == found


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/status/", "/metrics/x", "/../etc/passwd"])
def test_other_paths_are_not_there(page, path):
    assert ask(page, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(page, method):
    status, headers, _ = ask(page, "/v1/status", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_head_has_no_body(page):
    status, headers, body = ask(page, "/v1/status", "HEAD")
    assert (status, body) == (200, "")
    assert int(headers["Content-Length"]) > 50


def test_the_supervisors_counts_are_shown(tmp_path):
    port = free_port()
    with exporter(settings(tmp_path, "null", status_port=port)) as rig:
        rig.hear("ready")
        worker = {"name": "eth7", "state": "RUNNING", "core": 1, "restarts": 3, "capturing": True}
        rig.tell({"do": "workers", "workers": [{**worker, "counters": {"kernel_dropped": 12}}]})
        until(lambda: ("flowherd_restarts_total", ("interface", "eth7")) in samples(port))
        found = samples(port)
    assert found[("flowherd_restarts_total", ("interface", "eth7"))] == 3
    assert found[("flowherd_worker_up", ("interface", "eth7"))] == 1
    assert found[("flowherd_kernel_dropped_total", ("interface", "eth7"))] == 12


def test_who_is_long_gone_is_in_the_sums_alone(monkeypatch):
    """Containers come and go, each with a name of its own: none is shown for ever, and none is forgotten in a sum."""
    figures = Figures()
    for number in range(100):
        figures.of(f"veth{number}")["records_received"] += 7
        figures.worker(f"veth{number}")
    figures.heard([{"name": "veth3", "capturing": True}])
    assert (figures.workers["veth3"]["worker_up"], figures.workers["veth4"]["worker_up"]) == (1, 0)
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s + GONE_S + 1)
    figures.heard([{"name": "veth3", "capturing": True}])
    assert figures.workers.keys() == figures.by_interface.keys() == {"veth3"}
    figures.of("veth4")["records_received"] += 1
    assert figures.total("records_received") == 701


def test_rates_begin_at_what_is_first_seen():
    """Of so many in the first 5 s, not of nothing before them."""
    rate = Rate()
    for second in (0, 5, 10):
        rate.tick(second * 100, float(second))
    assert (rate.one_minute, rate.five_minutes) == (pytest.approx(100), pytest.approx(100))


def test_rates_follow_and_fade():
    rate = Rate()
    for second in range(0, 601, 5):
        rate.tick(second * 100, float(second))
    assert rate.one_minute == pytest.approx(100, rel=0.01)
    assert rate.five_minutes == pytest.approx(100)
    for second in range(605, 1200, 5):
        rate.tick(60_000, float(second))
    assert rate.one_minute < 1
    assert rate.count == 60_000
