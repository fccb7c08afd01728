"""What is counted: connections, refusals by reason, and for each destination what went there and came back."""

from collections import Counter
from dataclasses import dataclass, field

HOSTS_MAX = 100
OTHER = "other"


@dataclass(slots=True)
class Tally:
    """One destination's."""

    tunnels: int = 0
    requests: int = 0
    failures: int = 0
    open: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(slots=True)
class Tallies:
    """The whole proxy's. A wildcard in somebody's DNS cannot make the page grow: later hosts are `other`."""

    connections: int = 0
    open: int = 0
    idle_closed: int = 0
    broken: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    hosts: dict[str, Tally] = field(default_factory=dict)

    def of(self, host: str, hosts_max: int = HOSTS_MAX) -> Tally:
        """A destination's counters."""
        if host not in self.hosts and len(self.hosts) >= hosts_max:
            host = OTHER
        return self.hosts.setdefault(host, Tally())

    def of_unreached(self, host: str) -> Tally:
        """The same for a host that was not reached: made-up names must not take every place."""
        return self.of(host, HOSTS_MAX // 2)
