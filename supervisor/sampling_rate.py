"""Pure: `--sample auto`, an interface's sampling rate from how its worker fares. Time is an argument.

Raised when a worker has had more to do than its limits for `raise_s` on average, or its ring drops again and again;
lowered a step when for `lower_s` even the busiest moment, doubled, was well below them. A rate that had to be left
is not tried again before `lower_s`, and twice as long each time it fails anew: what a step does to the load can only
be guessed (few flows may carry most packets), and a wrong guess must not be made for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, log2
from types import MappingProxyType

MOST = 1_000_000  # as of --sample
ROOM = 0.65  # of a limit that the next lower rate may be expected to need: 58% of a core of which 90% may be used
DROPPING = 3  # readings with drops that are no single burst
LONGEST_WAIT_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use. `records_s` 0: no target; `floor`: the rate never lies below it."""

    cpu: float = 0.9
    records_s: float = 0.0
    raise_s: float = 60.0
    lower_s: float = 300.0
    floor: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """A few seconds of one worker: its share of its core and that of the others there, records, dropped packets.

    `dropped` is the share of packets that the ring could not hold; `sharers` are the core's workers, itself included.
    """

    at_s: float
    share: float
    others: float = 0.0
    sharers: int = 1
    records_s: float = 0.0
    dropped: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """An interface's rate, since when, its readings since, and how often and when last each rate had to be left."""

    rate: int = 1
    since_s: float = 0.0
    readings: tuple[Reading, ...] = ()
    failures: Mapping[int, tuple[int, float]] = field(default_factory=lambda: MappingProxyType({}))
    why: str = ""


def after(state: State, reading: Reading, limits: Limits) -> State:
    """The state with one more reading; `why` says what changed the rate."""
    now_s = reading.at_s
    kept = (old for old in state.readings if now_s - old.at_s < max(limits.raise_s, limits.lower_s))
    state = replace(state, readings=(*kept, reading), why="")
    if state.rate < limits.floor:
        return _changed(state, limits.floor, now_s, "the device asks for it")
    need, why = _need(state, limits, now_s)
    if need > 1 and state.rate < MOST:
        steps = max(1, ceil(log2(need)))
        return _failed(_changed(state, min(state.rate << steps, MOST), now_s, why), state, limits)
    lower = max(state.rate // 2, limits.floor)
    if lower < state.rate and _has_room(state, lower, limits, now_s):
        return _changed(state, lower, now_s, f"there was room for {limits.lower_s:g} s")
    return state


def load(reading: Reading, limits: Limits) -> float:
    """How much of what it may use the worker used: of what others leave of its core, at least its fair part of it."""
    allowance = max(limits.cpu - reading.others, limits.cpu / reading.sharers)
    records = reading.records_s / limits.records_s if limits.records_s else 0.0
    return max(reading.share / allowance, records) / (1 - min(reading.dropped, 0.99))


def _need(state: State, limits: Limits, now_s: float) -> tuple[float, str]:
    """How many times its limits the worker would use, and why; not above 1: it may stay as it is."""
    window = [one for one in state.readings if now_s - one.at_s < limits.raise_s]
    mean = sum(load(one, limits) for one in window) / len(window)
    if sum(one.dropped > 0 for one in window) >= DROPPING:
        return max(mean, 2.0), "the ring drops packets"
    if now_s - state.since_s < limits.raise_s or mean <= 1:
        return 0.0, ""
    records_s = sum(one.records_s for one in window) / len(window)
    if limits.records_s and records_s > limits.records_s:
        return mean, f"{records_s:,.0f} records/s, more than the target of {limits.records_s:,.0f}"
    share = sum(one.share for one in window) / len(window)
    return mean, f"its worker used {share:.0%} of a core for {limits.raise_s:g} s"


def _has_room(state: State, lower: int, limits: Limits, now_s: float) -> bool:
    times, last_s = state.failures.get(lower, (0, 0.0))
    if now_s - state.since_s < limits.lower_s or (times and now_s - last_s < _wait_s(times, limits)):
        return False
    most = max(load(one, limits) for one in state.readings)
    return not any(one.dropped for one in state.readings) and most * state.rate / lower < ROOM


def _wait_s(times: int, limits: Limits) -> float:
    """How long a rate that failed so often in a row is not tried."""
    return float(min(limits.lower_s * 2 ** (times - 1), max(LONGEST_WAIT_S, limits.lower_s)))


def _changed(state: State, rate: int, now_s: float, why: str) -> State:
    return replace(state, rate=rate, since_s=now_s, readings=(), why=why)


def _failed(state: State, before: State, limits: Limits) -> State:
    """The rate before had to be left; if it had held longer than it was waited for, that is a new story."""
    times, _ = before.failures.get(before.rate, (0, 0.0))
    if times and state.since_s - before.since_s >= _wait_s(times, limits):
        times = 0
    failures = {**before.failures, before.rate: (times + 1, state.since_s)}
    return replace(state, failures=MappingProxyType(failures))
