"""Pure: two marks of each worker's totals to what it did between them, beside the others on its core."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from supervisor.sampling_rate import Reading


@dataclass(frozen=True, slots=True)
class Mark:
    """A worker's totals at one moment; `core` None: it is free to roam."""

    pid: int
    core: int | None
    at_s: float
    cpu_s: float
    records: int
    received: int
    dropped: int


def readings_of(before: Mapping[int, Mark], now: Mapping[int, Mark]) -> dict[int, Reading]:
    """By interface index, for each worker that was the same at both moments."""
    spans = {
        index: (before[index], mark)
        for index, mark in now.items()
        if index in before and before[index].pid == mark.pid and before[index].at_s < mark.at_s
    }
    shares = {
        index: (mark.cpu_s - then.cpu_s) / (mark.at_s - then.at_s) for index, (then, mark) in spans.items()
    }
    by_core: dict[int | None, list[int]] = defaultdict(list)
    for index, (_, mark) in spans.items():
        by_core[mark.core].append(index)
    return {index: _reading(index, *spans[index], shares, by_core) for index in spans}


def _reading(
    index: int, then: Mark, mark: Mark, shares: Mapping[int, float], by_core: Mapping[int | None, list[int]]
) -> Reading:
    together = [index] if mark.core is None else by_core[mark.core]
    taken, lost = mark.received - then.received, mark.dropped - then.dropped
    return Reading(
        mark.at_s,
        shares[index],
        sum(shares[other] for other in together if other != index),
        len(together),
        (mark.records - then.records) / (mark.at_s - then.at_s),
        lost / (taken + lost) if lost else 0.0,
    )
