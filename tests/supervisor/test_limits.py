"""Runaway memory and kernels that fail: explained in one line, healed or given up; with real processes."""

import os
import signal

import pytest

from tests.supervisor.rig import flowherd, namespace, places, running, until

pytestmark = pytest.mark.root
LIMIT = ("--memory-mib", "300")


@pytest.fixture(scope="module")
def inside():
    with namespace() as name:
        yield name


def test_a_worker_that_grows_is_asked_to_leave_and_then_killed(tmp_path, inside):
    """That of va leaves, that of vb does not answer."""
    with running(tmp_path, inside, "-i", "v*", *LIMIT) as service:
        before = {name: service.running(name)["pid"] for name in ("va", "vb")}
        os.kill(before["vb"], signal.SIGUSR2)
        for pid in before.values():
            os.kill(pid, signal.SIGUSR1)
        for name, pid in before.items():
            assert service.running(name, other_than=pid)["restarts"] == 1
        assert service.stop() == 0
    lines = [line for line in service.log.read_text().splitlines() if "worker ended" in line]
    assert len(lines) == 2
    assert all("MiB of memory of its own; memory_mib allows 300" in line for line in lines)


def test_an_exporter_that_grows_is_replaced(tmp_path, inside, monkeypatch):
    monkeypatch.setenv("FAT", "1")
    with running(tmp_path, inside, "-i", "va", *LIMIT) as service:
        worker = service.running("va")["pid"]
        fat = until(lambda: [pid for pid, words in service.children().items() if "exporter" in words], "it")[
            0
        ]
        service.logged("exporter is ready")
        os.kill(fat, signal.SIGUSR1)
        service.logged("exporter ended, starting again")
        until(
            lambda: [p for p, words in service.children().items() if "exporter" in words and p != fat],
            "another",
        )
        assert service.rows()["va"]["pid"] == worker
        assert service.stop() == 0
    said = service.log.read_text()
    assert "MiB of memory of its own; memory_mib allows 300" in said
    assert "1 flow record (null 1)" in said


def test_a_nursery_without_kernels_is_given_up_with_its_reason(tmp_path, inside, monkeypatch):
    """However long each attempt takes; here it takes no time at all, so only their number counts."""
    monkeypatch.setenv("FAILS", "1")
    done = flowherd(*places(tmp_path), "-i", "va", "--sink", "null", inside=inside)
    assert done.returncode == 1
    assert done.stderr.count("nursery ended, starting again") == 4
    assert (
        "cannot be kept running: the kernels cannot be made: no such processor; 5 ends in a row"
        in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_a_wait_that_is_none_is_a_sentence(tmp_path, inside, monkeypatch):
    monkeypatch.setenv("FLOWHERD_REFRESH_S", "soon")
    done = flowherd(*places(tmp_path), "-i", "va", "--sink", "null", inside=inside)
    assert done.returncode == 78
    assert "flowherd: FLOWHERD_REFRESH_S: 'soon' is no number of seconds above 0" in done.stderr
    assert "Traceback" not in done.stderr
