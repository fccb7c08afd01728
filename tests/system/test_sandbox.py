"""What a hijacked decoder could do: nothing; and what every process of a running flowherd is kept in by."""

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared import landlock
from tests.captures import pcap
from tests.segments import datagram
from tests.system import host
from tests.system.host import FLOWHERD, children, flowherd, until, wire
from tests.system.rogue import ATTEMPTS
from tests.worker.trial import START_NS
from worker.jit_cache import DEFAULT_ROOT

ROGUE = (sys.executable, str(Path(__file__).with_name("rogue.py")))
REFUSED = {"Operation not permitted", "Permission denied", "Function not implemented"}
KINDS = ("nursery", "exporter", "worker")
HARMLESS = {"trace its parent", "signal its parent", "set up a ring of calls"}  # others may refuse these, too
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
needs_seccomp = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")


@needs_seccomp
@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--no-sandbox",)])
def test_a_decoder_gone_wrong_can_do_nothing(folder, words):
    """And without the sandbox it could: so it is the sandbox that keeps it."""
    capture = folder / "one.pcap"
    capture.write_bytes(pcap([(START_NS, b"\2" * 12 + b"\x08\0" + datagram(0, b"hello"))]))
    dirs = [f"--state-dir={folder}/state", f"--cache-dir={DEFAULT_ROOT}"]
    command = [*ROGUE, "replay", str(capture), "--sink", "null", *dirs, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "1 packet captured" in done.stderr
    outcomes = dict(re.findall(r"^rogue: (.+): (.+)$", done.stderr, re.MULTILINE))
    assert outcomes.keys() == ATTEMPTS.keys()
    free = {what for what, outcome in outcomes.items() if outcome not in REFUSED}
    assert free - HARMLESS == (ATTEMPTS.keys() - HARMLESS if words else set()), outcomes


def confined(pid):
    """Whether every thread of a process is filtered and can gain nothing."""
    told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("\nSeccomp:\t2\n" in text and "\nNoNewPrivs:\t1\n" in text for text in told)


@pytest.mark.root
@pytest.mark.slow
@needs_landlock
@needs_seccomp
@pytest.mark.parametrize("capture", ["ring", "pcap"])
def test_every_process_is_locked_in_and_the_status_says_so(folder, capture):
    with wire() as place, flowherd(place, folder, "--capture", capture) as live:
        live.capturing()
        pids = {kind: children(live.process.pid, kind) for kind in KINDS}
        assert all(len(found) == 1 for found in pids.values())
        until(lambda: all(confined(pid) for (pid,) in pids.values()), "all locked in")
        words = [*FLOWHERD, "status", "--json", f"--runtime-dir={folder}/run"]

        def told():
            answer = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
            return len(answer["sandbox"]) == 3 and answer["sandbox"]

        assert until(told, "all told") == dict.fromkeys(
            ("nursery", "exporter", "worker vb"), f"landlock {landlock.version()}, seccomp"
        )
        live.stop()
        assert "locked in" not in live.said()


@pytest.mark.root
@pytest.mark.slow
@needs_seccomp
def test_an_older_kernel_is_said_once_and_is_no_reason_to_stop(folder, monkeypatch):
    """Neither of the two: the three processes run on without."""
    old = (sys.executable, str(Path(__file__).with_name("old_kernel.py")))
    monkeypatch.setattr(host, "FLOWHERD", (*old, *FLOWHERD))
    with wire() as place, flowherd(place, folder) as live:
        live.capturing()
        lack = "no landlock (Function not implemented), no seccomp (Function not implemented)'"
        until(lambda: lack in live.said(), live.said)
        live.stop()
        assert live.said().count("locked in") == 1
