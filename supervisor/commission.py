"""Settings to the exporter's orders: sinks named, folders made, files opened while we are root."""

from collections.abc import Sequence
from pathlib import Path

from shared.settings import Settings
from supervisor import account, sinks
from supervisor.account import Account
from supervisor.outbound import ExporterOrders
from supervisor.sinks import Sink


class Commission:
    """Keeps the descriptors of `jsonl:` sinks, so that a reload opens only those that are new."""

    def __init__(self, who: Account, settings: Settings, *, log_level: str) -> None:
        self._who, self._log_level = who, log_level
        self._cwd = str(Path.cwd())
        self._open: dict[str, int] = {}
        self.sinks = tuple(sinks.of(settings, self._cwd))

    def orders(self, settings: Settings, *, top: bool) -> ExporterOrders:
        """FlowherdError when a sink is none or its file cannot be opened."""
        chosen = tuple(sinks.of(settings, self._cwd))
        account.prepare_sinks(chosen, self._who)
        jsonl = tuple(self._descriptor(sink) for sink in chosen if sink.kind == "jsonl")
        spool, level = f"{settings.state_dir}/spool", self._log_level
        return ExporterOrders(self._who, settings, chosen, spool, jsonl, top=top, log_level=level)

    def keep_only(self, chosen: Sequence[Sink]) -> None:
        """Close what no sink writes to any more."""
        gone = self._open.keys() - {sink.target for sink in chosen}
        account.close_all(self._open.pop(target) for target in gone)

    def close(self) -> None:
        """The exporter is gone."""
        self.keep_only(())

    def _descriptor(self, sink: Sink) -> int:
        if sink.target not in self._open:
            self._open[sink.target] = account.open_jsonl([sink])[0]
        return self._open[sink.target]
