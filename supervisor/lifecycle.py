"""Pure: what becomes of a worker that starts, captures, dies or is told to stop. Time is an argument."""

import math
from dataclasses import dataclass, replace
from enum import Enum


class State(Enum):
    """Where an interface's worker is; Supervisor's words."""

    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Policy:
    """Restart intensity: more than `intensity` deaths within `period_s` is fatal (Erlang's words).

    A worker that had got on with its packets is no crash loop: only deaths within `busy_period_s` count then.
    """

    intensity: int = 5
    period_s: float = 60.0
    busy_period_s: float = 1.0
    first_wait_s: float = 0.25
    longest_wait_s: float = 15.0

    def wait_s(self, deaths: int) -> float:
        """Back-off after that many deaths in the period: none after the first, then doubling."""
        if deaths <= 1:
            return 0.0
        return min(self.first_wait_s * 2.0 ** (deaths - 2), self.longest_wait_s)


@dataclass(frozen=True, slots=True)
class Life:
    """One worker's history, as far as the next decision needs it."""

    state: State = State.STARTING
    since_s: float = 0.0
    due_s: float = 0.0
    deaths_s: tuple[float, ...] = ()
    restarts: int = 0
    why: str = ""


def capturing(life: Life, now_s: float) -> Life:
    """The worker says it captures."""
    return replace(life, state=State.RUNNING, since_s=now_s, why="") if life.state is State.STARTING else life


def died(life: Life, now_s: float, why: str, policy: Policy, *, progressed: bool = False) -> Life:
    """The worker ended without being asked; `progressed`: it had taken packets since the last end."""
    period_s = policy.busy_period_s if progressed else policy.period_s
    deaths_s = (*(then for then in life.deaths_s if now_s - then < period_s), now_s)
    if len(deaths_s) > policy.intensity:
        when = "in a row" if math.isinf(period_s) else f"within {period_s:.0f} s"
        why = f"{why}; {len(deaths_s)} ends {when}"
        return replace(life, state=State.FATAL, since_s=now_s, deaths_s=deaths_s, why=why)
    due_s = now_s + policy.wait_s(len(deaths_s))
    return replace(life, state=State.BACKOFF, since_s=now_s, due_s=due_s, deaths_s=deaths_s, why=why)


def gave_up(life: Life, now_s: float, why: str) -> Life:
    """Starting again cannot help: the reason is in the settings or on the host."""
    return replace(life, state=State.FATAL, since_s=now_s, why=why)


def is_due(life: Life, now_s: float) -> bool:
    """It is time to start the worker again."""
    return life.state is State.BACKOFF and now_s >= life.due_s


def restarting(life: Life, now_s: float) -> Life:
    """A successor is being started."""
    return replace(life, state=State.STARTING, since_s=now_s, restarts=life.restarts + 1)


def stopping(life: Life, now_s: float) -> Life:
    """The worker was told to drain."""
    return replace(life, state=State.STOPPING, since_s=now_s)
