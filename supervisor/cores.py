"""Pure: lists of cores as the kernel and people write them, `0-3,8`."""

import re
from collections.abc import Collection, Iterator

from shared.errors import ConfigurationError

LIST = re.compile(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*")


def cores_in(text: str) -> Iterator[int]:
    """`0-3,8` as numbers."""
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            yield from range(int(first), int(last or first) + 1)


def as_text(cores: Collection[int]) -> str:
    """Numbers as `0-3,8`."""
    runs: list[list[int]] = []
    for core in sorted(cores):
        if runs and core == runs[-1][-1] + 1:
            runs[-1].append(core)
        else:
            runs.append([core])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def parse(text: str) -> frozenset[int]:
    """What `--cpus` says; empty when it says nothing. ConfigurationError: it is no list."""
    if not text:
        return frozenset()
    cores = frozenset(cores_in(text)) if LIST.fullmatch(text) else frozenset()
    if not cores:
        raise ConfigurationError(f"cpus: {text!r} is no list of cores; 2-5,8 is one")
    return cores
