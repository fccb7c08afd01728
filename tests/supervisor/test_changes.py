"""Pure: what each difference in the settings asks for."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import CaptureSettings, HostSettings, Settings
from supervisor import changes
from supervisor.changes import Step

CAPTURE = CaptureSettings()
OTHER = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: value + 1,
    str: lambda value: value + "x",
    tuple: lambda value: (*value, "x"),
}


def other(value):
    return OTHER[type(value)](value)


@pytest.mark.parametrize(
    ("differences", "step"),
    [
        ({}, Step.NOTHING),
        ({"device_id": 7}, Step.NOTHING),
        ({"filter": "ip"}, Step.SOCKET),
        ({"filter": "ip", "snaplen": 100, "promisc": True}, Step.SOCKET),
        ({"core": 3}, Step.WORKER),
        ({"active_timeout_s": 1.0, "filter": "ip"}, Step.WORKER),
        ({"sample": 10}, Step.TABLE),
        ({"decode": False, "core": 3}, Step.TABLE),
        ({"max_flows": 1000}, Step.TABLE),
        ({"table_mib": 64}, Step.TABLE),
        ({"translate": ("10.0.0.1,1,10.0.0.2,2",)}, Step.TABLE),
        ({"ring_mib": 8, "ring_least_mib": 8}, Step.SOCKET),
        ({"ring_mib": 8, "sample": 10}, Step.TABLE),
        ({"fanout_group": 8}, Step.RING),
    ],
)
def test_the_largest_step_is_taken(differences, step):
    assert step is changes.step(CAPTURE, replace(CAPTURE, **differences))
    assert step is changes.step(replace(CAPTURE, **differences), CAPTURE)


def test_libpcap_handles_are_their_workers():
    pcap = replace(CAPTURE, capture="pcap")
    assert changes.step(pcap, replace(pcap, filter="ip")) is Step.WORKER


def test_a_shared_ring_cannot_change_its_size():
    """Others have its group; and it has its largest size from the beginning."""
    shared = CaptureSettings(fanout_group=7)
    assert changes.step(shared, replace(shared, ring_mib=8)) is Step.RING
    assert changes.step(shared, replace(shared, ring_least_mib=8)) is Step.SOCKET


@given(st.sets(st.sampled_from([item.name for item in fields(CaptureSettings)])))
def test_each_difference_is_named_and_none_is_ignored(names):
    new = replace(CAPTURE, **{name: other(getattr(CAPTURE, name)) for name in names})
    assert names == set(changes.differing(CAPTURE, new))
    line = changes.explain("eth0", CAPTURE, new)
    if names - {"device_id"}:
        assert all(name in line for name in names)
    else:
        assert line == ""


def test_what_was_asked_for_is_named_though_it_comes_to_the_same():
    """Auto begins with every flow: what is captured now is as before."""
    auto = replace(CAPTURE, sample="auto")
    assert changes.explain("eth0", CAPTURE, CAPTURE, (CAPTURE, auto)) == "eth0: sample auto: taken on"
    assert changes.explain("eth0", CAPTURE, CAPTURE, (auto, CAPTURE)) == "eth0: sample: taken on"
    line = changes.explain(
        "eth0", CAPTURE, replace(CAPTURE, filter="ip"), (auto, replace(CAPTURE, filter="ip"))
    )
    assert line == "eth0: filter, sample: on the living ring"


def test_an_interface_that_waits_is_captured_otherwise_once_it_is():
    slower = Settings(defaults=replace(CAPTURE, sample=9))
    assert changes.for_later(Settings(), slower, ("eth1",)) == ["eth1: sample: once it is captured"]
    assert changes.for_later(slower, slower, ("eth1",)) == []
    assert changes.for_later(Settings(), slower, ()) == []


@pytest.mark.parametrize(("name", "value"), [("sandbox", False), ("log_format", "json"), ("user", "daemon")])
def test_what_processes_were_started_with_needs_a_restart(name, value):
    """Nursery and exporter are born with their sandbox, and all share one form of lines."""
    found = changes.of(Settings(), replace(Settings(), **{name: value}))
    assert found.need_restart == (name,)
    assert found.settings == Settings()
    assert found.lines() == [f"{name}: as before until flowherd is started anew"]


@given(st.sets(st.sampled_from([item.name for item in fields(HostSettings)])))
def test_what_nobody_takes_on_stays_and_is_said(names):
    """A setting that is added one day and not thought of here needs a restart, and says so."""
    old = Settings()
    new = replace(old, **{name: other(getattr(old, name)) for name in names})
    found = changes.of(old, new)
    firm = names - changes.TAKEN_ON - changes.EXPORTERS
    assert set(found.need_restart) == firm
    assert set(found.taken_on) == names & changes.TAKEN_ON
    for name in names:
        assert getattr(found.settings, name) == getattr(old if name in firm else new, name)
    assert all(name in " ".join(found.lines()) for name in firm)


@pytest.mark.parametrize("where", ["defaults", "per_interface"])
def test_the_kind_of_capture_needs_a_restart(where):
    pcap = replace(CAPTURE, capture="pcap", filter="ip")
    new = Settings(defaults=pcap) if where == "defaults" else Settings(per_interface={"eth0": pcap})
    found = changes.of(Settings(), new)
    assert found.need_restart == ("capture",)
    assert found.settings.capture_of("eth0") == replace(CAPTURE, filter="ip")


def test_modes_stay():
    old = Settings(mode="dns", mirror=True)
    assert changes.of(old, Settings()).settings.mode == "dns"


@given(
    st.builds(
        CaptureSettings, sample=st.integers(1, 9), decode=st.booleans(), snaplen=st.sampled_from([0, 64, 900])
    ),
    st.builds(
        CaptureSettings, sample=st.integers(1, 9), decode=st.booleans(), snaplen=st.sampled_from([0, 64, 900])
    ),
)
def test_meanwhile_the_kernel_lets_in_what_either_needs(old, new):
    wide = changes.widest(old, new)
    for capture in (old, new):
        assert wide.sample <= capture.sample
        assert wide.decode >= capture.decode
        assert wide.snaplen == 0 or 0 < capture.snaplen <= wide.snaplen
    assert wide.filter == new.filter
