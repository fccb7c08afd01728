"""TCP metrics of any connection whatever: the kernels' are the oracle's."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.segments import RAW_IP, Chatter, segment
from tests.worker import trial
from tests.worker.talk import LOSS

FUZZ = examples(300)


def chatter(seed, count):
    """A random connection's frames."""
    rng = random.Random(seed)
    version, now, frames = rng.choice([4, 6]), trial.START_NS, []
    source = Chatter(rng)
    for _ in range(count):
        now += rng.choice([0, 1_000, 400_000, 2_999_999, 3_000_000, 10_000_000, 40_000_000])
        late = rng.choice([0] * 20 + [5_000_000])
        frames.append((now - late, RAW_IP, segment(version=version, **next(source))))
    return frames


@pytest.mark.parametrize("seed", range(10))
def test_random_connections(seed):
    trial.check(*trial.both(chatter(seed, 800)))


def test_what_random_connections_reach():
    """Every metric, both ways: else the trials above prove little."""
    reached = set()
    for seed in range(10):
        for record in trial.both(chatter(seed, 800))[1].records:
            reached |= {name for name, value in record.items() if value}
    wanted = {*LOSS, "zero_windows", "receive_window", "rtt_min_us", "rtt_mean_us", "rtt_max_us", "mss"}
    wanted |= {f"rev_{name}" for name in wanted}
    assert reached >= wanted | {"client_latency_us", "server_latency_us", "fpex_latency_us", "connection_id"}


@FUZZ
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_any_connection(seed, count):
    trial.check(*trial.both(chatter(seed, count)))


NEAR = st.sampled_from([0, 1, 2, 3, 10, -1, -2, 2**16, -(2**16), -(2**16) - 1, 2**31, 2**31 - 1, 1 - 2**31])
SEGMENT = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["A", "S", "SA", "FA", "F", "R", "RA", "", "PA", "SFA", "SRA"]),
    NEAR,
    NEAR,
    st.sampled_from([0, 0, 1, 2, 3]),
    st.sampled_from([0, 1, 65535]),
    st.sampled_from([None, 0, 3, 255]),
    st.sampled_from([0, 1_000, 2_999_999, 3_000_000, -1_000, -4_000_000, 30_000_000_000, 70_000_000_000]),
)


@FUZZ
@given(st.lists(SEGMENT, min_size=1, max_size=30), st.sampled_from([0, 5, 2**31, 2**32 - 2]))
def test_any_segments(stream, first):
    frames, now = [], trial.START_NS
    for way, flags, seq, ack, payload, window, shift, step in stream:
        now += step
        data = segment(way, flags, first + seq, first + ack, payload=payload, window=window, shift=shift)
        frames.append((now, RAW_IP, data))
    trial.check(*trial.both(frames))
