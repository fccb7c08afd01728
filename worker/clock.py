"""Kernel: packet time to ticks, the clock all time-outs run on (step 6).

now_ns is the highest packet time seen. A step of more than a minute either way moves the tick clock's base
instead of the clock: nothing expires because a clock was set or a capture file jumps.
"""

from shared.vitals import INDEX
from worker.jit import inlined
from worker.octets import Int

NOW_NS, BASE_NS, CLOCK_REBASED = INDEX["now_ns"], INDEX["base_ns"], INDEX["clock_rebased"]
TICK_BITS = 24  # a tick is 2^24 ns, 16.8 ms: 32 bits of them are two years
STEP_NS = 60_000_000_000
START_TICK = 1 << 16


@inlined
def advance(t: Int, time_ns: Int) -> Int:
    """Take one packet time; the tick it is now."""
    step = time_ns - t.words[NOW_NS]
    if step > 0 or step < -STEP_NS:
        if step > STEP_NS or step < 0:
            rebase(t, time_ns, step)
        t.words[NOW_NS] = time_ns
    return (t.words[NOW_NS] - t.words[BASE_NS]) >> TICK_BITS


@inlined
def rebase(t: Int, time_ns: Int, step: Int) -> None:
    """Go on counting ticks from where the clock stood; the first packet of all starts it."""
    if t.words[BASE_NS] == 0 and t.words[NOW_NS] == 0:
        t.words[BASE_NS] = time_ns - (START_TICK << TICK_BITS)
    else:
        t.words[BASE_NS] += step
        t.words[CLOCK_REBASED] += 1


def ticks(seconds: float) -> int:
    """A time-out in ticks, at least one."""
    return max(1, round(seconds * 1e9) >> TICK_BITS)
