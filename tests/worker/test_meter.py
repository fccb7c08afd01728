"""All kernels together against the oracle: random frames of every kind, whole, mutated and cut."""

import os
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reasons import Drop
from tests import frames
from tests.conftest import ROOT
from tests.examples import examples
from tests.worker import trial
from tests.worker.rig import Frames, Kernels, in_order, metered

FUZZ = examples(150)
LINKS = (0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 147, 204, 228, 229, 276)


@pytest.mark.parametrize("seed", range(8))
def test_whole_frames(seed):
    kernels, oracle = trial.both(trial.some(seed, 500, 0.0))
    trial.check(kernels, oracle)
    assert oracle.drops[Drop.ACCOUNTED] > 400


@pytest.mark.parametrize("seed", range(100, 112))
def test_mutated_frames(seed):
    trial.check(*trial.both(trial.some(seed, 500, 0.6)))


# Met by the conversations of test_tcp_streams.py and test_dialogs.py, hardly by random frames.
ELSEWHERE = {"app_protocol", "app_by", "app_latency_us", "repeated_retransmits", "rev_repeated_retransmits"}


def test_what_the_trials_reach():
    """Every verdict, both versions, fragments joined, tags and labels: else the trials above prove little."""
    oracle = trial.both([frame for seed in range(6) for frame in trial.some(seed, 500)])[1]
    assert [drop for drop, count in oracle.drops.items() if not count] == [Drop.NOT_SAMPLED]
    seen = {name for record in oracle.records for name, value in record.items() if value}
    assert set(oracle.records[0]) - seen <= ELSEWHERE
    assert {record["end_reason"] for record in oracle.records} == {1, 2, 3, 4}
    assert {record["proto"] for record in oracle.records} >= {1, 6, 17, 33, 47, 50, 58, 132, 136}


@pytest.mark.parametrize("link", LINKS)
def test_frames_cut_at_every_byte(link):
    """Each beginning of a frame ends as a packet or in one counter, the one the oracle says."""
    rng = random.Random(link)
    whole = []
    while len(whole) < 4:
        whole += [frame for frame in frames.some(rng, 40) if frame[0] == link or link == 147][:4]
    cut = [(trial.START_NS, link, data[:size], len(data)) for _, data in whole for size in range(len(data))]
    trial.check(*trial.both(cut))


@FUZZ
@given(st.sampled_from(LINKS), st.binary(max_size=120), st.integers(0, 3000))
def test_any_bytes(link, data, length):
    trial.check(*trial.both([(trial.START_NS, link, data, length)]))


@FUZZ
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_any_seed(seed, count):
    trial.check(*trial.both(trial.some(seed, count, 0.8)))


@FUZZ
@given(st.lists(st.integers(-(2**33), 2**38), min_size=2, max_size=60), st.integers(0, 2**32))
def test_any_times(steps, seed):
    """Jumps ahead, back and into the past: the oracle's clock and ours tell the same records."""
    rng, now = random.Random(seed), trial.START_NS
    found = frames.some(rng, len(steps))
    captured = []
    for (link, data), step in zip(found, steps, strict=False):
        now += step
        captured.append((now, link, data))
    trial.check(*trial.both(captured))


@pytest.mark.parametrize(
    "settings", [{"active": 2.0, "idle": 1.0, "forget": 3.0, "linger": 0.5}, {"mtu": 100}]
)
def test_other_settings(settings):
    trial.check(*trial.both(trial.some(7, 800, 0.1), **settings))


@pytest.mark.parametrize("most", [1, 3, 63, 64, 65, 1000])
def test_records_do_not_depend_on_how_packets_are_cut_into_blocks(most):
    captured = trial.some(8, 600, 0.2)
    kernels = Kernels()
    kernels.feed(Frames(captured), most=most)
    kernels.finish()
    assert in_order(kernels.records) == in_order(metered(captured).records)


def test_sweeping_changes_no_counter_of_any_record():
    """Only why a record was written may differ: the sweep sees silence before the flow's next packet does."""
    captured = trial.some(9, 2000, 0.0)
    swept = Kernels()
    swept.feed(Frames(captured), sweeping=True, most=16)
    swept.finish()
    lazy = metered(captured)
    why = [record.pop("end_reason") for record in swept.records]
    assert set(why) == {1, 2, 3, 4}
    for record in lazy.records:
        record.pop("end_reason")
    assert in_order(swept.records) == in_order(lazy.records)


def trial_apart(count, **environment):
    words = [sys.executable, "-m", "tests.worker.trial", "5", str(count)]
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | environment
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "same\n"), done.stderr[-2000:]


def test_without_the_jit():
    """The same code as plain Python, so that no result hangs on what compiled integers do."""
    trial_apart(300, NUMBA_DISABLE_JIT="1", PYTHONWARNINGS="ignore")


@pytest.mark.slow
@pytest.mark.timeout(600)  # compiles
def test_with_bounds_checked():
    """No read or write outside an array, over mutated frames; compiled for itself."""
    trial_apart(4000, FLOWHERD_CHECK_BOUNDS="1")
