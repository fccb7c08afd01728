"""Stand on given cores for a moment: the kernel takes memory from the node of the core that asks for it."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def standing_on(cores: Collection[int]) -> Iterator[None]:
    """Run on these cores, then where we ran before; none, or none that we may use: stay."""
    before = os.sched_getaffinity(0)
    if cores:
        with suppress(OSError):
            os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, before)
