"""`flowherd run` with real processes and links; the fake nursery forks workers that count nothing."""

import json
import os
import pty
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from supervisor import lock
from supervisor.service import SETTLE_S
from supervisor.session import TOGETHER_S
from tests.supervisor.rig import DRIVE, flowherd, ip, namespace, places, running, until

pytestmark = pytest.mark.root
AT_ONCE_S = 5.0


@pytest.fixture(scope="module")
def inside():
    with namespace() as name:
        yield name


@pytest.fixture
def service(tmp_path, inside):
    with running(tmp_path, inside, "-i", "v*") as service:
        service.running("va")
        service.running("vb")
        yield service


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_watches_drains_and_says_what_came_of_it(service, number):
    assert service.stop(number) == 0
    assert "2 packets captured; 2 flow records (null 2); 0 packets dropped" in service.log.read_text()
    assert not any(f"{service.process.pid}\n" == path.read_text() for path in lock.FOLDER.iterdir())


def test_a_table_and_a_pattern_for_no_link_are_said_at_the_start(tmp_path, inside):
    (tmp_path / "f.toml").write_text("[interface.nosuch]\npromisc = true\n")
    with running(tmp_path, inside, "-i", "va", "-i", "zz*", f"--config={tmp_path}/f.toml") as service:
        service.logged("warning supervisor: interfaces: zz* matches none that is there now\n")
        service.logged("warning supervisor: [interface.nosuch]: there is no such interface now\n")


def test_nohup_is_heeded(tmp_path, inside):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running(tmp_path, inside, "-i", "va") as service:
            service.running("va")
            service.process.send_signal(signal.SIGHUP)
            assert service.stop(signal.SIGTERM) == 0
            assert "signal=SIGTERM" in service.log.read_text()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_was_closed_is_an_order_to_drain(tmp_path, inside):
    """Nothing can be drawn on it any more; that must not end the drain."""
    ours, theirs = pty.openpty()
    words = ["ip", "netns", "exec", inside, *DRIVE, *places(tmp_path), "-i", "va", "--sink", "null"]
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        until(lambda: b"running" in os.read(ours, 1 << 16), "the table")
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0


def test_status_is_answered_over_a_socket_of_our_own(service):
    assert (service.folder / "runtime" / "control.sock").stat().st_mode & 0o777 == 0o600
    done = flowherd("status", *places(service.folder))
    assert "2 of 2 interfaces watched" in done.stdout
    answer = json.loads(flowherd("status", "--json", *places(service.folder)).stdout)
    assert service.process.pid == answer["pid"]
    assert {"va", "vb"} == {row["name"] for row in answer["rows"]}


def test_a_runtime_folder_removed_under_it_is_made_again(service):
    """It can be asked again, and nobody comes second."""
    folder = service.folder / "runtime"
    shutil.rmtree(folder)
    service.logged(f"removed under us and are made again folder={folder}")
    assert until(service.rows, "an answer").keys() == {"va", "vb"}
    second = flowherd(*places(service.folder), "-i", "lo", "--sink", "null", inside=None)
    assert f"pid {service.process.pid} already runs in {folder}" in second.stderr
    assert service.log.read_text().count("made again") == 1


def test_a_second_one_needs_a_state_folder_of_its_own(service, tmp_path, inside):
    """It would store nothing: the spool is the first one's."""
    taken = f"the flowherd with pid {service.process.pid} already keeps its records in {tmp_path / 'state'}"
    own = [*places(tmp_path / "own")[1:], f"--state-dir={tmp_path / 'state'}", "-i", "lo"]
    began_s = time.monotonic()
    second = flowherd(*own, "--sink", "null", inside=inside)
    assert time.monotonic() - began_s < AT_ONCE_S
    assert second.returncode == 1
    assert f"{taken}; give this one its own --state-dir, or stop the other" in second.stderr
    looked = flowherd("check", *own, inside=inside)
    assert looked.returncode == 1
    assert taken in looked.stdout


def test_the_second_ctrl_c_ends_at_once(tmp_path, inside):
    """A worker that cannot drain is killed long before the deadline."""
    with running(tmp_path, inside, "-i", "va", "--drain-s", "60") as service:
        os.kill(service.running("va")["pid"], signal.SIGSTOP)
        service.process.send_signal(signal.SIGINT)
        service.logged("draining")
        first_s = time.monotonic()
        until(lambda: time.monotonic() - first_s > TOGETHER_S, "a moment that makes it a second one")
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(20) == 1
        assert "stopped at once" in service.log.read_text()


def test_a_killed_worker_is_back(service):
    """At once (test_herd.py): its successor is forked by the same nursery. docs/benchmarks.md has how long it takes."""
    pid, others = service.rows()["va"]["pid"], set(service.children())
    os.kill(pid, signal.SIGKILL)
    service.logged("capturing interface=va", 2)
    assert others - {pid} <= set(service.children()), "nobody else was started anew"
    assert service.running("va", other_than=pid)["restarts"] == 1
    assert "worker ended, starting again" in service.log.read_text()


def test_a_crash_loop_is_given_up_until_it_is_told_to_restart_and_leaves_the_others_alone(tmp_path, inside):
    with running(tmp_path, inside, "-i", "v*") as service:
        other = service.running("vb")["pid"]
        pid = 0
        for _ in range(6):
            pid = service.running("va", other_than=pid)["pid"]
            os.kill(pid, signal.SIGKILL)
        until(lambda: service.rows()["va"]["state"] == "fatal", "va fatal")
        done = flowherd("restart", "va", *places(service.folder))
        assert done.stdout == "va: its flows are reported, another worker takes the ring over\n"
        service.running("va", other_than=pid)
        assert other == service.running("vb")["pid"]


def test_a_hung_worker_is_aborted(tmp_path, inside):
    with running(tmp_path, inside, "-i", "va") as service:
        pid = service.running("va")["pid"]
        os.kill(pid, signal.SIGSTOP)
        service.running("va", other_than=pid)
        assert "no heartbeat for 5 s" in service.log.read_text()


@pytest.mark.parametrize("which", ["fake_nursery", "exporter"])
def test_nursery_and_exporter_come_back_and_workers_go_on(service, which):
    workers = {name: row["pid"] for name, row in service.rows().items()}
    # the exporter names itself once it is up
    pid = until(lambda: next((pid for pid, words in service.children().items() if which in words), 0), which)
    os.kill(pid, signal.SIGKILL)
    until(
        lambda: any(which in words and other != pid for other, words in service.children().items()),
        "a new one",
    )
    assert workers == {name: row["pid"] for name, row in service.rows().items()}
    assert service.stop() == 0
    assert "2 flow records (null 2)" in service.log.read_text()


def test_links_come_go_and_change(service, inside):
    ip("-n", inside, "link", "add", "vnew", "type", "veth", "peer", "name", "xnew")
    try:
        ip("-n", inside, "link", "set", "vnew", "up")
        service.logged("capturing interface=vnew")
        assert SETTLE_S < 1.0, "all that we wait for before we look"
        ip("-n", inside, "link", "set", "vnew", "down")
        until(lambda: service.rows().get("vnew", {}).get("state") == "waiting", "vnew waits")
        ip("-n", inside, "link", "set", "vnew", "up")
        service.running("vnew")
        ip("-n", inside, "link", "set", "vnew", "name", "vren")
        service.running("vren")
        assert "vnew" not in service.rows()
    finally:
        ip("-n", inside, "link", "del", "xnew")
    until(lambda: "vren" not in service.rows(), "vren is gone")
    service.running("va")


@pytest.mark.parametrize("folder", [".", "its own"])
def test_the_second_instance_names_the_first(service, inside, folder):
    done = flowherd(*places(service.folder / folder), "-i", "va", "--sink", "null", inside=inside)
    assert done.returncode == 1
    assert f"va is already watched by the flowherd with pid {service.process.pid}" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (
            ["-i", "va", "--filter", "foo("],
            78,
            "filter 'foo(' on va: can't parse filter expression: syntax error",
        ),
        (["-i", "nope"], 78, "interface nope: there is none of that name; there are lo, vb, va"),
        (["-i", "va", "--user", "root"], 78, "must not run as root"),
    ],
)
def test_a_mistake_ends_the_start(tmp_path, inside, words, code, sentence):
    done = flowherd(*places(tmp_path), "--sink", "null", *words, inside=inside)
    assert code == done.returncode
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_table_draws_on_a_terminal_and_ctrl_c_drains(tmp_path, inside):
    ours, theirs = pty.openpty()
    words = ["ip", "netns", "exec", inside, *DRIVE, *places(tmp_path), "-i", "va", "--sink", "null"]
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = bytearray()

    def shows(*words):
        with suppress(OSError):  # the terminal ends with its last process
            seen.extend(os.read(ours, 65536))
        return all(word.encode() in seen for word in words)

    try:
        until(lambda: shows("1 of 1 interface watched", "running"), "a running row")
        process.send_signal(signal.SIGINT)
        until(lambda: shows("done", "1 packet captured; 1 flow record"), "the totals")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_without_rights_one_sentence_with_the_remedy(tmp_path):
    done = flowherd(user="nobody", env={"HOME": str(tmp_path), "PATH": "/bin"})
    assert done.returncode == 1
    assert done.stderr == "flowherd: capturing needs root: start it with sudo; replay needs no rights\n"
