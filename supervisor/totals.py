"""Pure: the last line a run prints: what was captured, stored and dropped."""

from collections.abc import Mapping

from shared.counters import drop_counter
from shared.reasons import FAULTS, Drop
from supervisor.number import counted


def totals_line(counters: Mapping[str, int], delivered: Mapping[str, int], missed: int) -> str:
    """One line for people."""
    captured = counters.get("packets_received", 0)
    unread = sum(counters.get(drop_counter(reason), 0) for reason in FAULTS)
    left_out = counters.get(drop_counter(Drop.NOT_SAMPLED), 0)
    dropped = counters.get("kernel_dropped", 0)
    lost = counters.get("records_dropped", 0) + missed
    where = ", ".join(f"{name} {count:,}" for name, count in delivered.items())
    aside = [f"{unread:,} in no flow"] * (unread > 0) + [f"{left_out:,} not sampled"] * (left_out > 0)
    parts = [
        f"{counted(captured, 'packet')} captured" + (f" ({', '.join(aside)})" if aside else ""),
        counted(counters.get("records_sent", 0), "flow record") + (f" ({where})" if where else ""),
        f"{counted(dropped, 'packet')} dropped",
    ]
    if lost:
        parts.append(f"{counted(lost, 'record')} dropped")
    if missed_by_handle := counters.get("packets_missed", 0):
        parts.append(f"at most {counted(missed_by_handle, 'packet')} went with libpcap's buffer")
    if uncertain := counters.get("packets_uncertain", 0):
        parts.append(f"{counted(uncertain, 'packet')} uncertain")
    return "; ".join(parts)
