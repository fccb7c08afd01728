"""Reads how workers fare and keeps the rates of `--sample auto`; what follows from it is decided in sampling_rate."""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress

from shared.logs import Log
from shared.settings import CaptureSettings
from supervisor import lifecycle
from supervisor.post import Post
from supervisor.readings import Mark, readings_of
from supervisor.sampling_rate import Limits, State, after

LOOKS_A_RAISE = 12


def cpu_s(pid: int) -> float:
    """Processor time of another process; OSError when it is gone."""
    return time.clock_gettime(~pid << 3 | 2)  # the clock that clock_getcpuclockid(3) names


def mark_of(post: Post, now_s: float) -> Mark | None:
    """None: nobody captures there now."""
    if post.worker is None or not post.worker.pid or post.life.state is not lifecycle.State.RUNNING:
        return None
    page = post.counters()
    with suppress(OSError):
        spent_s, pid = cpu_s(post.worker.pid), post.worker.pid
        records, received, dropped = page["records_sent"], page["packets_received"], page["kernel_dropped"]
        return Mark(pid, post.core, now_s, spent_s, records, received, dropped)
    return None


def limits_of(capture: CaptureSettings, floor: int) -> Limits:
    """As the settings say."""
    cpu, target = capture.sample_cpu / 100, float(capture.records_target)
    return Limits(cpu, target, capture.sample_raise_s, capture.sample_lower_s, floor)


class Regulator:
    """One state for each interface, by its index, so that it outlives workers and names."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._states: dict[int, State] = {}
        self._floors: dict[int, int] = {}
        self._whys: dict[int, str] = {}
        self._marks: dict[int, Mark] = {}
        self._due_s = 0.0

    def rate_of(self, ifindex: int, floor: int) -> int:
        """The rate to capture at: one flow of how many; never below `floor`, the device's."""
        self._floors[ifindex] = floor
        return max(self._states.get(ifindex, State()).rate, floor)

    def why_of(self, ifindex: int) -> str:
        """What raised the rate last; empty while it is as low as it goes."""
        is_raised = self._states.get(ifindex, State()).rate > self._floors.get(ifindex, 1)
        return self._whys.get(ifindex, "") if is_raised else ""

    def keep(self, asked: Collection[int]) -> None:
        """Forget interfaces that are gone, or whose rate is not ours to choose any more."""
        self._states = {index: state for index, state in self._states.items() if index in asked}
        self._floors = {index: floor for index, floor in self._floors.items() if index in asked}
        self._whys = {index: why for index, why in self._whys.items() if index in asked}

    def look(self, posts: Collection[Post], asked: Mapping[int, CaptureSettings], now_s: float) -> bool:
        """Read all workers when it is time; whether the rate of one in `asked`, those on auto, has changed by it."""
        if not asked or now_s < self._due_s:
            return False
        self._due_s = now_s + min(capture.sample_raise_s for capture in asked.values()) / LOOKS_A_RAISE
        marks = {post.link.ifindex: mark for post in posts if (mark := mark_of(post, now_s))}
        readings, self._marks = readings_of(self._marks, marks), marks
        changed = False
        for post in posts:
            index = post.link.ifindex
            if index in asked and index in readings:
                state = self._states.get(index, State(since_s=now_s))
                state = State(post.capture.rate, now_s) if state.rate < post.capture.rate else state
                self._states[index] = after(
                    state, readings[index], limits_of(asked[index], self._floors[index])
                )
                changed |= self._tell(post, self._states[index])
        return changed

    def _tell(self, post: Post, state: State) -> bool:
        is_raised = state.rate > post.capture.rate
        if is_raised and state.why:
            self._whys[post.link.ifindex] = state.why
        if state.why:
            say = self._log.warning if is_raised else self._log.info
            say("sampling rate changes", interface=post.name, rate=f"1:{state.rate}", why=state.why)
        return bool(state.why)
