"""A torn row is found and repaired: the table as a kill leaves it, at many moments of a running meter."""

import mmap
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT
from tests.worker.rig import Kernels
from tests.worker.torn import SETTINGS, captured, check, run

LOOKS, PACKETS, AWAY_S = 80, 200, 0.0005
READY = 1


def metering(kernels, frames, flag):
    """Over and over, each time from a new table; `flag` says when it is one that was metered into."""
    fresh = bytes(kernels.memory)
    while True:
        flag[0] = 0
        kernels.memory[:] = fresh
        flag[0] = READY
        run(kernels, frames)


def stopped(pid):
    """At whatever instruction it is: what it has stored is what a kill would leave."""
    os.kill(pid, signal.SIGSTOP)
    assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])


def test_whatever_a_kill_leaves_is_made_whole():
    kernels, frames, flag = Kernels(**SETTINGS), captured(PACKETS), mmap.mmap(-1, 8)
    rng, seen = random.Random(), set()
    run(kernels, frames[:1])  # compiled code is loaded before the fork
    kernels = Kernels(**SETTINGS)
    pid = os.fork()
    if pid == 0:
        metering(kernels, frames, flag)
    try:
        while len(seen) < LOOKS:
            stopped(pid)
            memory = bytes(kernels.memory)
            if flag[0] == READY and memory not in seen:
                seen.add(memory)
                check(memory, frames)
            os.kill(pid, signal.SIGCONT)
            time.sleep(rng.uniform(0, AWAY_S))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_after_each_line_of_the_kernels():
    """Every store of every kernel, as plain Python: insert, count, report, evict, sweep, the end of all."""
    words = [sys.executable, "-W", "ignore", "-m", "tests.worker.torn", "14"]
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 700


pytestmark = pytest.mark.slow
