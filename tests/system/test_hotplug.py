"""Links that come, go and change under a whole flowherd: the right workers within a second, no packet lost, no leak."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from supervisor import lock
from supervisor.regulator import cpu_s
from tests.system.host import FLOWHERD, children, flowherd, needs_tcpreplay, run, until, wire
from tests.system.test_sample import marker, plain_exchanges, played

pytestmark = [pytest.mark.root, pytest.mark.slow]
SMALL = ("--ring-mib=2", "--table-mib=8")


@pytest.fixture
def place():
    with wire() as made:
        yield made


def batch(place, *lines):
    """Lines of `ip -batch` in the namespace."""
    words = ["ip", "-n", place.name, "-batch", "-"]
    done = subprocess.run(words, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_kib(pid):
    words = Path(f"/proc/{pid}/status").read_text().split()
    return int(words[words.index("VmRSS:") + 1])


def locks(pid):
    """Lock files that name this process."""
    found = []
    for path in lock.FOLDER.glob("*-*"):
        with contextlib.suppress(FileNotFoundError):
            if path.read_text().split()[:1] == [str(pid)]:
                found.append(path.name)
    return sorted(found)


def rows(live):
    return {row["name"]: row for row in live.status()["rows"]}


def runs(live, name, other_than=0):
    """The row of an interface that is captured."""

    def look():
        row = rows(live).get(name)
        return row if row and row["state"] == "running" and row["pid"] != other_than else None

    return until(look, lambda: f"{name} runs: {live.said()}")


@needs_tcpreplay
def test_a_renamed_link_loses_no_packet(place, folder):
    """Nor does one whose MTU changes: a successor goes on in the same ring, while packets come all the time."""
    path = played(folder, [*plain_exchanges(4000), marker()])
    with flowherd(place, folder, "-i", "v[br]", "--active-timeout-s=1") as live:
        pid = live.capturing()
        with place.replaying(path, "--pps=6000"):
            live.received(500)
            place.ip("link", "set", "vb", "name", "vr")
            pid = runs(live, "vr", pid)["pid"]
            place.ip("link", "set", "vr", "mtu", "1400")
            runs(live, "vr", pid)
        until(lambda: live.counters("vr")["dropped_not_ip"] == 1, live.said)
        assert live.counters("vr")["kernel_dropped"] == 0
        assert len(locks(live.process.pid)) == 1
        records = live.stop()
    assert sum(record["packets"] + record["rev_packets"] for record in records) == 8000
    assert {record["interface"] for record in records} == {"vb", "vr"}


@needs_tcpreplay
def test_names_that_are_swapped_and_a_link_that_is_another_with_the_same_number(place, folder):
    """Each is captured by one worker, under its name; a ring of a link that is gone is a dead one."""
    place.join("wa", "wb")
    with wire() as other, flowherd(place, folder, "-i", "[vw]b", *SMALL) as live:
        first = runs(live, "vb")["pid"], runs(live, "wb")["pid"]
        batch(place, "link set vb name tmp", "link set wb name vb", "link set tmp name wb")
        assert {runs(live, "vb", first[0])["pid"], runs(live, "wb", first[1])["pid"]}.isdisjoint(first)
        place.replay(played(folder, [*plain_exchanges(50), marker()]))  # into va, whose peer is now called wb
        until(lambda: live.counters("wb")["dropped_not_ip"] == 1, live.said)
        until(lambda: len(children(live.process.pid, "flowherd worker")) == 2, "two workers")
        assert len(locks(live.process.pid)) == 2
        place.ip("link", "set", "vb", "netns", other.name, "name", "moved")
        until(lambda: set(rows(live)) == {"wb"}, "it is gone")
        until(lambda: len(locks(live.process.pid)) == 1, "its lock is free")
        run("ip", "-n", other.name, "link", "set", "moved", "netns", place.name, "name", "vb")
        place.ip("link", "set", "vb", "up")
        pid = runs(live, "vb")["pid"]
        index = json.loads(run("ip", "-n", place.name, "-j", "link", "show", "vb"))[0]["ifindex"]
        add = f"link add vb index {index} type veth peer name wa index 40"
        batch(place, "link del vb", add, "link set vb up")
        runs(live, "vb", pid)
        assert len(locks(live.process.pid)) == 2


@needs_tcpreplay
def test_changes_that_are_none_of_a_workers_business_leave_it_alone(place, folder):
    """Addresses, and down for a moment: then the socket has an error, and who waits on it must not spin."""
    with flowherd(place, folder, "--active-timeout-s=1") as live:
        pid = runs(live, "vb")["pid"]
        batch(place, "addr add 192.0.2.1/24 dev vb", "addr del 192.0.2.1/24 dev vb", "link set vb alias x")
        place.ip("link", "set", "vb", "address", "02:00:00:00:00:07")
        beat = live.counters()["heartbeat_ns"]
        until(lambda: live.counters()["heartbeat_ns"] > beat + 1_000_000_000, "a second later")
        assert rows(live)["vb"]["pid"] == pid
        assert "successor" not in live.said()
        batch(place, "link set vb down", "link set vb up")
        place.replay(played(folder, [*plain_exchanges(20), marker()]))
        until(lambda: live.counters()["dropped_not_ip"] >= 1, live.said)
        pid, beat = live.counters()["pid"], live.counters()["heartbeat_ns"]
        before_s = cpu_s(pid)
        until(lambda: live.counters()["heartbeat_ns"] > beat + 1_000_000_000, "a second later")
        assert cpu_s(pid) - before_s < 0.5, "it waits"


def test_two_hundred_veths_come_and_go(place, folder):
    """Three are watched, again and again under the same names; the kernel's list changes while it is read."""
    place.ip("link", "set", "va", "down")
    with flowherd(place, folder, "-i", "vb", "-i", "w*", *SMALL) as live:
        pid = live.capturing()
        until(live.exporters, live.said)  # it may come later than the first worker
        supervisor = live.process.pid
        standing = [
            supervisor,
            *(children(supervisor, f"flowherd {kind}")[0] for kind in ("nursery", "exporter")),
        ]
        churn(place, live, 100)
        before, memory = list(map(descriptors, standing)), list(map(resident_kib, standing))
        churn(place, live, 100)
        assert list(map(descriptors, standing)) == before, live.said()
        grown = [now - then for now, then in zip(map(resident_kib, standing), memory, strict=True)]
        assert max(grown) < 16384, grown  # what lists of 200 links leave in an allocator is no leak
        assert rows(live)["vb"]["pid"] == pid, "its worker has seen nothing of all this"
        assert len(locks(supervisor)) == 1
        assert "Traceback" not in live.said()


def churn(place, live, pairs):
    """So many pairs made and removed, three of them watched."""
    names = ["w0", "w1", "w2", *(f"x{n}" for n in range(pairs - 3))]
    batch(place, *(f"link add {name} type veth peer name y{name}" for name in names))
    batch(place, *(f"link set {name} up" for name in names[:3]))
    for name in names[:3]:
        runs(live, name)
    batch(place, *(f"link del {name}" for name in names))
    until(lambda: set(rows(live)) == {"vb"}, lambda: f"only vb: {rows(live)}")
    until(lambda: len(children(live.process.pid, "flowherd worker")) == 1, "one worker")


def test_workers_spread_over_the_cores_and_interfaces_shows_what_was_granted(place, folder):
    """Three on two cores; when the one that is alone goes, one of the others takes its core."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        pytest.skip("needs two cores")
    place.join("wa", "wb")
    with flowherd(
        place, folder, "-i", "va", "-i", "vb", "-i", "wa", f"--cpus={cores[0]},{cores[1]}", *SMALL
    ) as live:
        names = {"va", "vb", "wa"}
        for name in names:
            runs(live, name)
        granted = {name: core_of(rows(live)[name]["pid"]) for name in names}
        assert sorted(granted.values()) in ([cores[0], cores[0], cores[1]], [cores[0], cores[1], cores[1]])
        said = place.inside(*FLOWHERD, "interfaces", "--json", "-i", "v*", f"--runtime-dir={folder}/run")
        shown = {link["name"]: link["core_granted"] for link in json.loads(said)}
        assert {name: shown[name] for name in names} == granted
        assert "3 workers on 2 cores: " in live.said()
        alone = next(name for name in names if list(granted.values()).count(granted[name]) == 1)
        place.ip("link", "set", alone, "down")
        until(lambda: "moved to another core" in live.said(), live.said)
        left = [rows(live)[name]["pid"] for name in sorted(names - {alone})]
        until(lambda: sorted(map(core_of, left)) == cores, "one on each")


def core_of(pid):
    (core,) = os.sched_getaffinity(pid)
    return core
