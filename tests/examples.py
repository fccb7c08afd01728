"""How many examples a property is tried with: the same ones each run, or new and more of them.

A change is judged by what it changes, so the test command draws the same examples each time; FLOWHERD_EXAMPLES=20
draws twenty times as many new ones.
"""

import os

from hypothesis import HealthCheck, settings

PROFILE = "flowherd"
TIMES = int(os.environ.get("FLOWHERD_EXAMPLES", "1"))


# No test is about time: the first call may compile, and machines are busy.
settings.register_profile(
    PROFILE,
    max_examples=100 * TIMES,
    derandomize=TIMES == 1,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def examples(count: int) -> settings:
    """A decorator for a property that takes another number than usual."""
    return settings(max_examples=count * TIMES, suppress_health_check=list(HealthCheck))
