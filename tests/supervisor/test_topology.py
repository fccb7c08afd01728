"""What the host says of its cores, and what of it we may use."""

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.settings import CaptureSettings, Settings
from supervisor import cores
from supervisor.links import Link
from supervisor.roster import Choice
from supervisor.topology import check_cores, read_quota, read_topology
from tests.supervisor.rig import DRIVE, flowherd, until

OURS = sorted(os.sched_getaffinity(0))


@given(st.sets(st.integers(0, 300), min_size=1))
def test_a_list_of_cores_is_read_as_it_is_written(numbers):
    assert set(cores.cores_in(cores.as_text(numbers))) == set(cores.parse(cores.as_text(numbers))) == numbers


def test_runs_are_told_as_runs():
    assert cores.as_text([8, 2, 3, 4]) == "2-4,8"


@pytest.mark.parametrize("text", ["x", "2-", "-2", "1,,2", "1 2", ","])
def test_what_is_no_list_is_refused_in_one_sentence(text):
    with pytest.raises(ConfigurationError, match=r"cpus: '.*' is no list of cores; 2-5,8 is one"):
        cores.parse(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0-999999999", "cpus: no host has a core 999999999; they are counted from 0"),
        ("65536", "cpus: no host has a core 65536"),
        ("9" * 5000, "cpus: no host has a core 9+;"),
        ("1,5-2", "cpus: 5-2 runs backwards; 2-5 is a range"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(text, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        cores.parse(text)


def test_a_core_that_the_host_lacks_is_named():
    with pytest.raises(
        ConfigurationError, match="cpus: core 4000-4001 is not among those this host lets us use"
    ):
        check_cores(Settings(cpus=f"{OURS[0]},4000-4001"), [])
    choices = [Choice(Link("eth0", 2), is_chosen=True, role="NIC", reason="named")]
    pinned = {"eth0": CaptureSettings(core=4000), "eth1": CaptureSettings(core=4001)}
    with pytest.raises(ConfigurationError, match="eth0's worker: core 4000 is not among those"):
        check_cores(Settings(per_interface=pinned), choices)
    check_cores(Settings(defaults=CaptureSettings(core=OURS[-1])), choices)
    done = flowherd("interfaces", "--cpus", "4000")
    assert done.returncode == 78
    assert done.stderr.startswith("flowherd: cpus: core 4000 is not among")
    assert done.stderr.count("\n") == 1


def test_workers_only_run_on_cpus():
    assert list(read_topology([], str(OURS[-1])).nodes) == [OURS[-1]]
    assert list(read_topology([]).nodes) == OURS


def test_a_narrower_mask_is_heeded():
    """As taskset and systemd's CPUAffinity= set it."""
    last = OURS[-1]
    words = [*DRIVE, "interfaces", "--json", "-i", "lo"]
    done = subprocess.run(
        words, capture_output=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, {last})
    )
    assert [link["core"] for link in json.loads(done.stdout) if link["name"] == "lo"] == [last]
    assert [link["core_granted"] for link in json.loads(done.stdout) if link["name"] == "lo"] == [None]


def made_cpuset():
    """A cpuset cgroup that allows our last core alone, of either version; None: none can be made here."""
    for root in (Path("/sys/fs/cgroup/cpuset"), Path("/sys/fs/cgroup")):
        group = root / f"fh-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            try:
                (group / "cpuset.cpus").write_text(str(OURS[-1]))
                if not (group / "cpuset.mems").read_text().strip():
                    (group / "cpuset.mems").write_text((root / "cpuset.mems").read_text())
            except OSError:
                group.rmdir()
                raise
            return group
    return None


@pytest.fixture
def cpuset():
    group = made_cpuset()
    if group is None:
        pytest.skip("no cpuset cgroup can be made here")
    yield group
    until(lambda: not (group / "cgroup.procs").read_text(), "it is empty")
    group.rmdir()


@pytest.mark.root
def test_a_cpuset_is_heeded(cpuset):
    def join():
        (cpuset / "cgroup.procs").write_text(str(os.getpid()))

    words = [*DRIVE, "interfaces", "--json", "-i", "lo"]
    done = subprocess.run(words, capture_output=True, check=True, preexec_fn=join)
    assert [link["core"] for link in json.loads(done.stdout) if link["name"] == "lo"] == [OURS[-1]]


@pytest.mark.parametrize(
    ("above", "ours", "expected"),
    [
        ("max 100000", "max 100000", None),
        ("max 100000", "50000 100000", 0.5),
        ("20000 100000", "400000 100000", 0.2),
        ("200000 100000", None, 2.0),
        (None, None, None),
        ("nonsense", "10 x", None),
    ],
)
def test_the_least_quota_of_our_cgroup_and_those_above_counts(tmp_path, above, ours, expected):
    group = tmp_path / "root" / "system.slice" / "flowherd.service"
    group.mkdir(parents=True)
    for folder, content in ((group.parent, above), (group, ours)):
        if content:
            (folder / "cpu.max").write_text(content + "\n")
    told = tmp_path / "cgroup"
    told.write_text("4:memory:/x\n0::/system.slice/flowherd.service\n")
    assert read_quota(tmp_path / "root", told) == expected
    told.write_text("4:memory:/x\n")  # no cgroup v2
    assert read_quota(tmp_path / "root", told) is None
