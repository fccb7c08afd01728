"""The exporter as the supervisor sees it: it is told of workers' pipes and reports what it delivered."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from shared import logs
from shared.logs import Log
from shared.settings import Settings
from supervisor import lifecycle, memory, watchdog
from supervisor.account import Account
from supervisor.child import Child, Message, isolated
from supervisor.loop import Loop
from supervisor.number import counted
from supervisor.sinks import Sink
from supervisor.standing import START_S, Standing
from supervisor.watchdog import Pulse

FROM_SETTINGS = (
    "spool_mib",
    "spool_age_s",
    "store_mib",
    "store_age_s",
    "status_host",
    "status_port",
    "sandbox",
)
SILENT_S = 10.0
SLOW_S, STILL_S = 10.0, 50.0
PORTS = ("http_port", "dns_port", "radius_port")


@dataclass(frozen=True, slots=True)
class ExporterOrders:
    """What the exporter is started with; `jsonl` holds one open descriptor for each such sink, in order."""

    account: Account
    settings: Settings
    sinks: tuple[Sink, ...]
    spool_dir: str
    jsonl: tuple[int, ...] = ()
    durable: bool = True
    top: bool = False
    log_level: str = "info"

    @property
    def sends_to_kentik(self) -> bool:
        """Flows, answers or users."""
        return any(sink.kind.startswith("kentik") for sink in self.sinks)

    def start_message(self, *, again: bool = False) -> Message:
        """The exporter's first message; `again`: one before it was at work already."""
        settings = {name: getattr(self.settings, name) for name in FROM_SETTINGS}
        settings |= {"sinks": [sink.as_map() for sink in self.sinks], "spool_dir": self.spool_dir}
        settings |= {"durable": self.durable, "top": self.top, "again": again, "log_level": self.log_level}
        settings |= {"log_format": logs.form()}
        settings |= {"kentik": self._kentik()}
        who = self.account
        return {"do": "start", "user": who.user, "uid": who.uid, "gid": who.gid, "settings": settings}

    def _kentik(self) -> Message:
        """Credentials go to the exporter, and only if it sends to Kentik."""
        if not self.sends_to_kentik:
            return {}
        captures = self.settings.per_interface
        every = (self.settings.defaults, *captures.values())
        told = asdict(self.settings.kentik)
        told["decode"] = self.settings.defaults.decode
        for name in PORTS:  # a port is an application's whichever interface names it
            told[name] = sorted({port for capture in every for port in getattr(capture, name)})
        devices = {name: c.device_id for name, c in captures.items() if c.device_id}
        told |= {"devices": devices, "device_id": self._device_of_others(devices)}
        return told | {"interfaces": list(self.settings.interface)}

    def _device_of_others(self, devices: dict[str, int]) -> int:
        """Where each interface named has a device of its own there are no others: none is looked for by name."""
        kentik, named = self.settings.kentik, self.settings.interface
        device_id = self.settings.defaults.device_id
        if device_id or kentik.device_if or kentik.device_ip or kentik.device_name:
            return device_id
        return devices[named[0]] if named and devices.keys() >= set(named) else 0


@dataclass(frozen=True, slots=True)
class ExporterNews:
    """Whom to tell what the exporter says."""

    refused: Callable[[str, int], None]
    born: Callable[[], None]
    broken: Callable[[str], None]
    lost: Callable[[str], None]


@dataclass(slots=True)
class Report:
    """The exporter's last report, and totals of the exporters before it."""

    records: int = 0
    spool_bytes: int = 0
    spool_error: str = ""
    sinks: list[dict[str, Any]] = field(default_factory=list)
    top: list[dict[str, Any]] = field(default_factory=list)
    status_port: int = 0
    sandbox: str = ""
    samples: dict[str, int] = field(default_factory=dict)
    is_ready: bool = False
    kept: dict[int, int] = field(default_factory=dict)
    earlier_records: int = 0
    earlier_sinks: dict[str, int] = field(default_factory=dict)
    earlier_dropped: int = 0
    failing: set[str] = field(default_factory=set)

    def take(self, message: Message) -> None:
        """A newer report of the same exporter."""
        self.is_ready = True
        for name in ("records", "spool_bytes", "spool_error", "sinks", "top", "status_port", "sandbox"):
            if name in message:
                setattr(self, name, message[name])
        self.kept |= dict(message.get("kept", ()))
        self.samples = message.get("samples") or self.samples  # none: Kentik has not answered yet

    def bury(self) -> None:
        """The exporter died: its counts become history."""
        self.earlier_records += self.records
        self.earlier_sinks, self.earlier_dropped = self.delivered(), self.dropped()
        self.failing |= {sink["name"] for sink in self.sinks if sink.get("error")}
        self.records, self.sinks, self.spool_error = 0, [], ""

    def mended(self) -> list[str]:
        """Sinks that failed under an exporter before this one and work now; of its own failures it tells itself."""
        self.failing -= {sink["name"] for sink in self.sinks if sink.get("errors")}
        found = sorted(self.failing & {sink["name"] for sink in self.sinks if sink.get("records")})
        self.failing.difference_update(found)
        return found

    def delivered(self) -> dict[str, int]:
        """Records each sink has committed."""
        counts = dict(self.earlier_sinks)
        for sink in self.sinks:
            counts[sink["name"]] = counts.get(sink["name"], 0) + int(sink.get("records", 0))
        return counts

    def undelivered(self, what_of_them: str) -> list[str]:
        """A sentence for each sink that did not get all, with its last error.

        What an exporter before this one took in is among those that wait in the spool.
        """
        return [
            f"{sink['name']}: {counted(missing, 'record')} {what_of_them}"
            + (f": {sink['error']}" if sink.get("error") else "")
            for sink in self.sinks
            if (missing := max(self.records - sink["records"] - sink["dropped"], sink.get("waiting", 0))) > 0
        ]

    def dropped(self) -> int:
        """Records that the sinks missed."""
        return self.earlier_dropped + sum(int(sink.get("dropped", 0)) for sink in self.sinks)


class Exporter(Standing):
    """One process, all pipes in, all sinks out."""

    name = "exporter"
    words = isolated("exporter")

    def __init__(
        self, loop: Loop, log: Log, orders: ExporterOrders, news: ExporterNews, stderr: int | None = None
    ) -> None:
        super().__init__(loop, log, stderr)
        self.orders, self._news = orders, news
        self.report = Report()
        self._former: ExporterOrders | None = None
        self.is_drained = self._is_draining = self._is_ready = self._is_at_disk = False
        self._loop_pulse = Pulse()

    @property
    def has_progressed(self) -> bool:
        """It took records."""
        return self._is_ready

    @property
    def is_content(self) -> bool:
        """It works by its orders, and former ones will not be needed again."""
        return self._is_ready and self._former is None

    @property
    def patience_s(self) -> float:
        """Before it is ready it may have Kentik to wait for; then a thread of its own speaks every second."""
        return SILENT_S if self._is_ready else START_S

    def _alive(self, child: Child, turn_s: float) -> None:
        """Its loop may stand still for a slow disk, and for nothing else."""
        is_slow = turn_s > SLOW_S
        at_disk = is_slow and memory.waits_for_disk(child.pid)
        if at_disk and not self._is_at_disk:
            self._log.warning("the exporter waits for its disk", seconds=round(turn_s))
        self._is_at_disk = at_disk
        self._loop_pulse = watchdog.turned(self._loop_pulse, time.monotonic(), moves=not is_slow or at_disk)
        if self._loop_pulse.silent_s > STILL_S and not child.killed_by_us:
            child.abort(f"stuck: its loop stood still for {turn_s:.0f} s")

    def retire(self, child: Child) -> None:
        """What its sinks have in hand is committed; the rest waits in the spool."""
        if not self.say({"do": "retire"}):
            super().retire(child)

    def begin_anew(self, orders: ExporterOrders) -> bool:
        """Other orders for a successor, which starts at once; False when they are as they were."""
        if orders.start_message() == self.orders.start_message():
            return False
        self._former, self.orders = self._former or self.orders, orders
        if not orders.sends_to_kentik:
            self.report.samples = {}  # its device's; another one's replace them
        if self.child:
            self.replace("other settings", wanted=True)
        return True

    def greet(self) -> None:
        """Sinks, spool and the descriptors opened for it; then every worker's fresh pipes."""
        self._loop_pulse = Pulse(looked_s=time.monotonic())
        self.say(self.orders.start_message(again=self.report.is_ready), self.orders.jsonl)
        self._news.born()
        if self._is_draining:
            self.drain()

    def attach(self, name: str, ifindex: int, pipes: Sequence[int]) -> bool:
        """A worker's fresh pipes."""
        return self.say({"do": "attach", "name": name, "ifindex": ifindex}, tuple(pipes))

    def tell_workers(self, workers: list[Message]) -> None:
        """For the status page."""
        self.say({"do": "workers", "workers": workers})

    def drain(self) -> None:
        """All workers are gone: deliver what is left and end; a successor would drain as well."""
        self._is_draining = True
        self.say({"do": "drain"})

    def heard(self, child: Child, message: Message, /) -> None:
        """Ready, refused, report or drained."""
        self.report.take(message)
        for name in self.report.mended():
            self._log.info("sink works again", sink=name)
        match message:
            case {"did": "ready"}:
                self._is_ready, self._former = True, None
                self.proven()
                self._log.debug("exporter is ready", pid=self.child.pid if self.child else None)
            case {"did": "alive", "turn_s": turn_s}:
                self._alive(child, turn_s)
            case {"did": "refused", "why": why} if self._former:
                self._log.error("the exporter refused its new settings, the former ones stand", why=why)
                self.orders, self._former = self._former, None
                self.guard.is_wanted = True
            case {"did": "refused", "why": why} if self.is_proven:
                self.fault = (
                    why  # the disk is full now, say: capturing goes on, and a later one will be let in
                )
            case {"did": "refused", "why": why, "code": code}:
                self.life = lifecycle.stopping(self.life, self.life.since_s)
                self._news.refused(why, code)
            case {"did": "broken", "name": name, "why": why}:
                self._log.warning("pipe given up", interface=name, why=why)
                self._news.broken(name)
            case {"did": "drained"}:
                self.is_drained = True
                self.life = lifecycle.stopping(self.life, self.life.since_s)

    def lost(self) -> None:
        """Its reports so far are history."""
        self._is_ready = False
        self.report.bury()
        self._news.lost(self.life.why if self.life.state is lifecycle.State.FATAL else "")
