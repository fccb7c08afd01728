"""Pure: posts' counters and the exporter's report, twice, to what people and the status page are shown."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from shared.counters import WORKER
from supervisor.number import counted
from supervisor.post import Post
from supervisor.roster import Choice


@dataclass(frozen=True, slots=True)
class Row:
    """One interface. Rates are None until two readings exist."""

    name: str
    state: str
    core: int | None = None
    pid: int = 0
    restarts: int = 0
    packets_s: float | None = None
    bits_s: float | None = None
    flows: int = 0
    captured: int = 0
    dropped: int = 0
    why: str = ""
    sample: int = 1
    counters: Mapping[str, int] = field(default_factory=dict)

    def as_message(self) -> dict[str, Any]:
        """For the exporter's status page (docs/architecture.md)."""
        return {
            "name": self.name,
            "state": self.state,
            "core": self.core,
            "restarts": self.restarts,
            "sample": self.sample,
            "capturing": self.state == "running",
            "counters": dict(self.counters),
        }


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole herd at one moment."""

    rows: tuple[Row, ...]
    up_s: float = 0.0
    phase: str = "working"
    delivered: Mapping[str, int] = field(default_factory=dict)
    spool_bytes: int = 0
    spool_error: str = ""
    sinks: tuple[Mapping[str, Any], ...] = ()
    top: tuple[Mapping[str, Any], ...] = ()
    status_port: int = 0
    version: str = ""
    sandbox: Mapping[str, str] = field(default_factory=dict)

    def as_map(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Rates:
    """Packets and bits per second between the two latest readings of each interface."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, int, int]] = {}

    def of(self, name: str, now_s: float, counters: Mapping[str, int]) -> tuple[float, float] | None:
        """None at the first reading, and when a new table started from nothing."""
        packets, octets = counters.get("packets_received", 0), counters.get("octets_received", 0)
        then = self._last.get(name)
        self._last[name] = (now_s, packets, octets)
        if then is None or now_s <= then[0] or packets < then[1]:
            return None
        span_s = now_s - then[0]
        return (packets - then[1]) / span_s, (octets - then[2]) * 8 / span_s

    def keep(self, names: Container[str]) -> None:
        """Forget all others: links with names made up for the moment come and go."""
        self._last = {name: last for name, last in self._last.items() if name in names}


def worker_counters(page: Mapping[str, int]) -> dict[str, int]:
    """The counters among a vitals page's words."""
    return {counter.name: page.get(counter.name, 0) for counter in WORKER}


def dropped(page: Mapping[str, int]) -> str:
    """A sentence when records went that the exporter did not take in time."""
    records = page.get("records_dropped", 0)
    return f"{counted(records, 'record')} dropped: the exporter did not take them in time" if records else ""


def row_of(post: Post, rates: Rates, now_s: float) -> Row:
    """One post as it stands."""
    page = post.counters()
    pace = rates.of(post.name, now_s, page) or (None, None)
    return Row(
        name=post.name,
        state=post.life.state.value,
        core=post.core,
        pid=post.worker.pid if post.worker else 0,
        restarts=post.life.restarts,
        packets_s=pace[0],
        bits_s=pace[1],
        flows=page.get("flows_active", 0),
        captured=page.get("packets_received", 0),
        dropped=page.get("kernel_dropped", 0),
        why="; ".join(filter(None, (post.life.why, post.thinned(), dropped(page), *post.shortages()))),
        sample=post.capture.rate,
        counters=worker_counters(page),
    )


def rows_waiting(choices: Iterable[Choice], held: Mapping[str, Post]) -> list[Row]:
    """Links that are to be watched and cannot be now."""
    return [
        Row(choice.link.name, "waiting", why=choice.reason)
        for choice in choices
        if choice.is_chosen and not choice.link.is_up and choice.link.name not in held
    ]
