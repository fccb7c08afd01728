"""Pure: how large a capture ring is to be, from how fast its blocks fill. Time is an argument.

A ring must hold what comes while nobody reads it: HOLD_S, some times what the successor of a killed worker takes.
It grows as soon as it holds less, to twice what that asks for, and shrinks when that has been little for CALM_S.
"""

from dataclasses import dataclass, replace

HOLD_S = 0.5
CALM_S = 600.0
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """MiB."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A ring by its number, and the number of the block its worker is at, which the kernel counts from 1."""

    ring: int
    block: int
    block_bytes: int
    mib: int


@dataclass(frozen=True, slots=True)
class State:
    """The reading before, when it was made, and the most it had to hold since."""

    ring: int = -1
    block: int = 0
    at_s: float = 0.0
    need_mib: float = 0.0
    most_mib: float = 0.0
    since_s: float = 0.0


def after(state: State, reading: Reading, now_s: float) -> State:
    """With one more reading; of another ring there is nothing before it."""
    if reading.ring != state.ring:
        return State(reading.ring, reading.block, now_s, since_s=now_s)
    seconds = max(now_s - state.at_s, 1e-3)
    need_mib = (reading.block - state.block) * reading.block_bytes / seconds * HOLD_S / MIB
    most_mib = max(state.most_mib, need_mib)
    return replace(state, block=reading.block, at_s=now_s, need_mib=need_mib, most_mib=most_mib)


def wanted_mib(state: State, mib: int, bounds: Bounds) -> int:
    """The size it should have: as it is, if that will do."""
    if state.need_mib > mib:
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
