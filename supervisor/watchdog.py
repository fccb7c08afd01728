"""Pure: who has been silent for too long, and what is done about it; time is an argument."""

from dataclasses import dataclass, replace
from enum import Enum

STEP_S = 1.0
STACK_S = 1.0


class Deed(Enum):
    """What is done to a process."""

    NOTHING = "nothing"
    ABORT = "SIGABRT, so that its stack comes into the log"
    KILL = "SIGKILL"


@dataclass(frozen=True, slots=True)
class Pulse:
    """`beat` is the latest sign of life, `silent_s` how long there has been no other."""

    beat: int = 0
    silent_s: float = 0.0
    looked_s: float = 0.0


def felt(pulse: Pulse, beat: int, now_s: float) -> Pulse:
    """Silence counts only while we look: who was stopped ourselves, or slept with the host, accuses nobody."""
    if beat != pulse.beat:
        return Pulse(beat, 0.0, now_s)
    silent_s = pulse.silent_s + min(max(now_s - pulse.looked_s, 0.0), STEP_S)
    return replace(pulse, silent_s=silent_s, looked_s=now_s)


def deed(pulse: Pulse, limit_s: float) -> Deed:
    """First it says where it hangs; whoever cannot even do that is killed a second later."""
    if pulse.silent_s > limit_s + STACK_S:
        return Deed.KILL
    return Deed.ABORT if pulse.silent_s > limit_s else Deed.NOTHING


def turned(pulse: Pulse, now_s: float, *, moves: bool) -> Pulse:
    """The same of a loop whose process tells: `moves` when it turns, or has a good reason not to."""
    return felt(pulse, pulse.beat + moves, now_s)
