"""`flowherd check`: what it finds on this host and in a namespace, and what it makes of hosts it is told of."""

import json
import os
import re
import socket
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import landlock
from shared.errors import ConfigurationError
from shared.settings import CaptureSettings, KentikSettings, Settings
from supervisor.account import Account, prepare_sinks
from supervisor.check import examine, exit_code, in_short
from supervisor.checks import host, kernel, nics, places
from supervisor.checks.finding import failed, ok, warning
from supervisor.sinks import Sink
from tests.supervisor.rig import DRIVE, flowherd, namespace
from tests.supervisor.rig import places as folders

NUMBERS = st.integers(0, 1 << 20)


@given(count=st.integers(0, 64), rings=NUMBERS, tables=NUMBERS, free=NUMBERS)
def test_memory_that_is_short_is_said_with_a_size_that_fits(count, rings, tables, free):
    found = host.judged_room(count, rings, tables, free)
    assert (found.grade == "failed") == (rings >= free)
    assert (found.grade == "ok") == (not found.remedy)
    if found.grade == "failed" and free > 4 * count > 0:
        assert int(found.remedy.split()[1].rstrip(",")) * count <= free


@given(workers=st.integers(0, 64), allowed=st.integers(1, 64), share=st.none() | st.floats(0.1, 64))
def test_cores_suffice_or_a_remedy_is_named(workers, allowed, share):
    found = host.judged_cores(workers, allowed, 64, share)
    suffices = allowed >= workers and (share is None or share >= workers)
    assert (found.grade == "ok") == suffices == (not found.remedy)


def test_words_of_one_and_of_many():
    assert host.judged_cores(1, 2, 4, None).what == "2 cores of 4 for 1 worker"
    assert (
        host.judged_cores(3, 1, 1, 0.5).what
        == "1 core and 0.5 cores' time by the cgroup's quota for 3 workers"
    )


def test_the_end_counts():
    findings = [ok("a", "b"), warning("a", "b", "c"), warning("a", "b", "c"), failed("a", "b", "c", 78)]
    assert in_short(findings) == "4 looked at: 2 warnings, 1 failed"
    assert exit_code(findings) == 78
    assert in_short(findings[:1]) == "1 looked at: all well"


def test_whatever_is_not_well_has_a_remedy():
    """Here, whatever here is."""
    found = examine(Settings(state_dir="/proc/nowhere", sink=("jsonl:/proc/nowhere/x", "store:/etc")))
    assert [finding for finding in found if finding.grade != "ok" and not finding.remedy] == []


def test_nobody_speaks_to_kentik_unasked(monkeypatch):
    def never(*_):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket, "create_connection", never)
    assert [finding for finding in examine(Settings()) if "kentik" in finding.what] == []


def test_kentik_is_reached_or_not():
    with socket.create_server(("127.0.0.1", 0)) as there, socket.create_server(("127.0.0.1", 0)) as gone:
        ports = there.getsockname()[1], gone.getsockname()[1]
        gone.close()
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        kentik = KentikSettings(api_url=urls[0], flow_url=urls[1], dns_url=urls[0], metrics_url=urls[0])
        found = {finding.what: finding.grade for finding in places.reached(kentik)}
        proxied = list(places.reached(KentikSettings(proxy_url=f"127.0.0.1:{ports[0]}")))
    assert found == {
        f"kentik 127.0.0.1:{ports[0]} is reached": "ok",
        f"kentik 127.0.0.1:{ports[1]} is not reached: connection refused": "warning",
    }
    assert [finding.what for finding in proxied] == [f"the proxy 127.0.0.1:{ports[0]} is reached"]


def test_a_disk_that_is_too_small(tmp_path):
    settings = Settings(state_dir=str(tmp_path), store_mib=1 << 30)
    (found,) = places.sinks_of(settings)
    assert (found.grade, found.remedy.split()[:3]) == ("warning", ["make", "room,", "or"])


def test_a_store_is_a_folder(tmp_path):
    """`chown -R` of what was named by mistake is no remedy."""
    (tmp_path / "passwd").touch()
    for place in (tmp_path / "passwd", tmp_path / "passwd" / "store"):
        (found,) = places.sinks_of(Settings(sink=(f"store:{place}",)))
        assert (found.grade, found.remedy) == ("failed", "name a folder of its own")
    with pytest.raises(ConfigurationError, match="passwd is no folder; name one of its own"):
        prepare_sinks([Sink("store:x", "store", str(tmp_path / "passwd"))], Account("me"))


@given(free=NUMBERS, held=NUMBERS, store=NUMBERS.filter(bool), spool=NUMBERS.filter(bool))
def test_a_disk_is_large_enough_or_a_size_is_named_that_fits(free, held, store, spool):
    found = places.judged_store("store", free, held, store, spool)
    assert (found.grade == "failed") == (free == 0)
    assert (found.grade == "ok") == (free > 0 and free + held >= store + spool) == (not found.remedy)
    numbers = [int(number) for number in re.findall(r"-mib (\d+)", found.remedy)]
    if found.grade == "warning" and free + held >= places.LEAST_MIB:
        assert 0 < sum(numbers) + (spool if len(numbers) == 1 else 0) <= free + held
    else:
        assert not numbers, "no size helps"


def test_what_the_store_has_already_is_its_own(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "segment").write_bytes(b"x" * (3 << 20))
    monkeypatch.setattr(places, "_free_mib", lambda _: 8)
    monkeypatch.setattr(places, "_can_write", lambda *_: True)
    for store_mib, grade in ((10, "ok"), (11, "warning")):
        (found,) = places.sinks_of(Settings(state_dir=str(tmp_path), store_mib=store_mib, spool_mib=1))
        assert found.grade == grade, found


@pytest.mark.root
def test_a_full_disk_fails_the_check(tmp_path):
    """A start would find no room for anything: only room helps, no smaller store."""
    script = """
    mount -t tmpfs -o size=600k tmpfs {0} && mkdir {0}/state {0}/runtime {0}/cache && chmod 777 {0}/state
    head -c 1000000 /dev/zero >{0}/filler
    exec {1} {2} check --json --state-dir {0}/state --runtime-dir {0}/runtime --cache-dir {0}/cache \\
        --sink store --sink jsonl:{0}/flows.jsonl
    """.format(tmp_path, *DRIVE)
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    told = {finding["what"]: finding for finding in json.loads(done.stdout)}
    for name in ("state", "runtime", "cache"):
        found = told[f"{name}_dir: {tmp_path}/{name} has no room left"]
        assert (found["grade"], found["remedy"]) == ("failed", f"make some, or --{name}-dir DIR elsewhere")
    (store,) = [found for what, found in told.items() if what.startswith("store")]
    assert (store["grade"], store["remedy"]) == ("failed", "make some, or --sink store:DIR elsewhere")
    assert told[f"jsonl:{tmp_path}/flows.jsonl: no room is left there"]["grade"] == "warning"
    assert done.returncode == 1


@pytest.mark.root
def test_a_store_that_the_service_user_may_not_write(tmp_path):
    """Root may, so root must not be who is asked."""
    (tmp_path / "store").mkdir(mode=0o700)
    (found,) = places.sinks_of(Settings(state_dir=str(tmp_path)))
    assert found.grade == "failed"
    assert found.remedy.startswith("chown -R ")


def test_the_sandbox_is_told_as_the_kernel_has_it(monkeypatch):
    (found,) = kernel.sandbox(Settings())
    assert f"Landlock {landlock.version()}" in found.what or not landlock.version()
    monkeypatch.setattr(landlock, "version", lambda: 3)
    (older,) = kernel.sandbox(Settings())
    assert older.what.startswith("only Landlock 3")
    (off,) = kernel.sandbox(Settings(sandbox=False))
    assert (found.grade == "ok") == (found.remedy == "")
    assert (older.grade, off.grade) == ("warning", "warning")


@pytest.mark.root
def test_offloads_are_those_that_ethtool_would_show():
    """Of a veth pair, which has them all in software."""
    with namespace() as inside:
        code = "from supervisor.checks import nics; print(nics.offloads('va'))"
        command = ["ip", "netns", "exec", inside, os.sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {"gso", "tso"} <= set(json.loads(done.stdout.replace("'", '"')))


@pytest.mark.root
def test_a_namespace_from_the_command_line(tmp_path):
    with namespace() as inside:
        done = flowherd(
            "check", "--json", "-i", "vb", "--filter", "port 53", *folders(tmp_path), inside=inside
        )
        again = flowherd("check", "-i", "vb", "--filter", "prot 53", *folders(tmp_path), inside=inside)
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"topic", "grade", "what", "remedy", "code"} == set(found[0])
    by_topic = {finding["topic"]: finding["what"] for finding in found}
    assert by_topic["memory"].startswith("64 MiB of rings for 1 interface, of ")
    assert any("its filter has" in finding["what"] for finding in found if finding["topic"] == "vb")
    assert again.returncode == 78
    assert "→ man 7 pcap-filter has the syntax" in again.stdout
    assert "1 failed" in again.stdout.splitlines()[-1]


def test_no_interface_is_a_warning(monkeypatch):
    settings = Settings(
        interface=("none*",), defaults=CaptureSettings(), per_interface={"no": CaptureSettings()}
    )
    found = list(nics.interfaces(settings))
    assert {finding.grade for finding in found} == {"warning"}
    assert [finding.what for finding in found] == [
        "none would be watched",
        "interfaces: none* matches none that is there now",
        "[interface.no]: there is no such interface now",
    ]
