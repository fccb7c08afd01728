"""What workers counted, those of closed posts included: a run's totals."""

from collections import Counter
from collections.abc import Iterable, Mapping

from shared.counters import WORKER
from shared.logs import Log
from supervisor.post import Post

COUNTERS = tuple(counter.name for counter in WORKER if counter.kind == "counter")


class Tally:
    """`past` is of those that are closed."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.past: Counter[str] = Counter()

    def bury(self, post: Post) -> None:
        """It is about to be closed: its counters become history, and what nobody reported is lost."""
        self.past.update(_counted(post.counters()))
        self.past["records_dropped"] += post.unreported()

    def lose(self, name: str, packets: int) -> None:
        """Packets that a closed ring takes with it are the kernel's drops in effect, and counted as such."""
        if packets:
            self.past["kernel_dropped"] += packets
            self._log.error(
                "packets left in the ring: nobody could read them", interface=name, packets=packets
            )

    def totals(self, living: Iterable[Post]) -> Counter[str]:
        """Every worker's counters."""
        sums = Counter(self.past)
        for post in living:
            sums.update(_counted(post.counters()))
        return sums


def _counted(page: Mapping[str, int]) -> dict[str, int]:
    return {name: page.get(name, 0) for name in COUNTERS}
