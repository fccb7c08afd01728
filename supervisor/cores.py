"""Pure: lists of cores as the kernel and people write them, `0-3,8`."""

import re
from collections.abc import Collection, Iterator

from shared.errors import ConfigurationError

LIST = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
CORE_MOST = 65535  # of any Linux; what this host has is looked at later


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
    if not LIST.fullmatch(text):
        raise ConfigurationError(f"cpus: {text!r} is no list of cores; 2-5,8 is one")
    for word in re.split("[-,]", text):
        if len(word.lstrip("0")) > len(str(CORE_MOST)) or int(word) > CORE_MOST:
            raise ConfigurationError(f"cpus: no host has a core {word}; they are counted from 0")
    for part in text.split(","):
        first, _, last = part.partition("-")
        if last and int(first) > int(last):
            raise ConfigurationError(f"cpus: {part} runs backwards; {last}-{first} is a range")
    return frozenset(cores_in(text))
