"""Pure: how large a capture ring is to be, from how much comes. Time is an argument.

A ring must hold what comes while nobody reads it: HOLD_S, until whoever does not read is found and the largest ring
is there. It grows as soon as it holds less, to twice what that asks for, and shrinks when that has been little for
CALM_S.
"""

from dataclasses import dataclass, replace

HOLD_S = 1.5
SILENT_S = 0.6  # a worker shows itself four times a second
CALM_S = 600.0
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """MiB."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What its workers have taken so far, as it lay in rings; and since when the last one has not shown itself."""

    octets: int
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """The reading before, when it was made, what it asks for, and the most that was asked for in a while."""

    octets: int = 0
    at_s: float = 0.0
    need_mib: float = 0.0
    most_mib: float = 0.0
    since_s: float = 0.0
    is_silent: bool = False


def after(state: State, reading: Reading, now_s: float) -> State:
    """With one more reading; the first, and that of a new table, ask for nothing."""
    seconds, octets = max(now_s - state.at_s, 1e-3), reading.octets - state.octets
    need_mib = max(octets, 0) / seconds * HOLD_S / MIB if state.at_s else 0.0
    return State(
        reading.octets,
        now_s,
        need_mib,
        max(state.most_mib, need_mib),
        state.since_s or now_s,
        is_silent=reading.silent_s > SILENT_S,
    )


def wanted_mib(state: State, mib: int, bounds: Bounds) -> int:
    """The size it should have: as it is, if that will do; the largest while nobody reads it."""
    if state.is_silent:
        mib = bounds.most
    elif state.need_mib > mib:
        mib = _twice(state.need_mib)
    elif state.at_s - state.since_s >= CALM_S and _twice(state.most_mib) <= mib // 2:
        mib = _twice(state.most_mib)
    return min(max(mib, bounds.least), bounds.most)


def calmed(state: State) -> State:
    """A while is over, a new one begins."""
    is_over = state.at_s - state.since_s >= CALM_S
    return replace(state, most_mib=state.need_mib, since_s=state.at_s) if is_over else state


def _twice(need_mib: float) -> int:
    """A power of two that holds twice as much."""
    return 1 << max(int(2 * need_mib), 1).bit_length()
