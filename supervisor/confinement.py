"""What keeps our processes in, as they told it: shown in the status, and said once where the kernel has too little."""

from collections.abc import Mapping

from shared.logs import Log
from shared.sandbox import OFF, WHOLE


class Confinement:
    """The sandbox of each process by its title; nobody has one before it said so."""

    def __init__(self, log: Log) -> None:
        self._log, self._told = log, set[str]()

    def note(self, told: Mapping[str, str]) -> dict[str, str]:
        """What is known now, without those that said nothing; a lack is said once, not for each process."""
        known = {who: sandbox for who, sandbox in told.items() if sandbox}
        for sandbox in known.values():
            if sandbox not in self._told and not WHOLE.fullmatch(sandbox):
                what = "--no-sandbox" if sandbox == OFF else f"the kernel lets us have: {sandbox}"
                self._log.warning("workers and exporter are not locked in as they could be", why=what)
            self._told.add(sandbox)
        return known


def in_words(known: Mapping[str, str]) -> str:
    """One clause for all when they agree."""
    distinct = set(known.values())
    if len(distinct) == 1:
        return distinct.pop()
    return "; ".join(f"{who}: {sandbox}" for who, sandbox in known.items())
