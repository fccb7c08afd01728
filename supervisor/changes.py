"""Pure: settings in force and settings read anew, to what is done about each difference; nothing else is touched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

from shared.settings import CaptureSettings, HostSettings, Settings
from supervisor.arguments import key_of


class Step(IntEnum):
    """What an interface's new settings ask for; each step includes those before it."""

    NOTHING = 0
    SOCKET = 1
    """the living ring is told: another filter"""
    WORKER = 2
    """another worker takes over ring and table: flows go on"""
    TABLE = 3
    """the worker reports its flows, another takes over the ring with a table of its own"""
    RING = 4
    """everything anew: what comes between is missed"""


WORDS = {
    Step.NOTHING: "taken on",
    Step.SOCKET: "on the living ring",
    Step.WORKER: "another worker takes over, its flows go on",
    Step.TABLE: "its flows are reported, another worker takes the ring over",
    Step.RING: "a new ring, packets in between are missed",
}
STEPS = {
    "device_id": Step.NOTHING,  # the exporter's
    "records_target": Step.NOTHING,  # sample auto's
    "sample_cpu": Step.NOTHING,
    "sample_raise_s": Step.NOTHING,
    "sample_lower_s": Step.NOTHING,
    "promisc": Step.SOCKET,
    "filter": Step.SOCKET,
    "snaplen": Step.SOCKET,
    "ring_mib": Step.SOCKET,
    "ring_least_mib": Step.SOCKET,
    "core": Step.WORKER,
    "active_timeout_s": Step.WORKER,
    "idle_timeout_s": Step.WORKER,
    "forget_s": Step.WORKER,
    "linger_s": Step.WORKER,
    "fanout_group": Step.RING,
    "fanout_mode": Step.RING,
}  # any other changes what is in a table: Step.TABLE
TAKEN_ON = frozenset({"interface", "cpus", "drain_s", "memory_mib"})
EXPORTERS = frozenset(
    {"sink", "spool_mib", "spool_age_s", "store_mib", "store_age_s", "status_host", "status_port"}
)
CAPTURE_FIRM = "capture"  # the nursery has rights for one kind of capture and not the other


def differing(old: Any, new: Any) -> tuple[str, ...]:  # noqa: ANN401 two of the same dataclass
    """Names of the fields in which they differ."""
    return tuple(item.name for item in fields(old) if getattr(old, item.name) != getattr(new, item.name))


def step(old: CaptureSettings, new: CaptureSettings) -> Step:
    """The largest step that one of the differences asks for."""
    steps = (STEPS.get(name, Step.TABLE) for name in differing(old, new))
    largest = max(steps, default=Step.NOTHING)
    if largest is Step.SOCKET and new.capture == "pcap":  # a worker opens its own handle
        return Step.WORKER
    if new.fanout_group and is_resized(old, new):
        return Step.RING
    return largest


def is_resized(old: CaptureSettings, new: CaptureSettings) -> bool:
    """A ring that shares its packets with others has its largest size, and no other can come after it."""
    return old.ring_mib != new.ring_mib


def explain(
    name: str,
    old: CaptureSettings,
    new: CaptureSettings,
    asked: tuple[CaptureSettings, CaptureSettings] | None = None,
) -> str:
    """One line: which settings of an interface differ, and what is done.

    `asked`: what was asked for before and is now, though it may come to the same: auto begins with every flow.
    """
    names = tuple(dict.fromkeys(differing(old, new) + (differing(*asked) if asked else ())))
    is_auto = asked is not None and asked[1].sample == "auto"
    told = ("sample auto" if each == "sample" and is_auto else each for each in names)
    return f"{name}: {', '.join(told)}: {WORDS[step(old, new)]}" if {*names} - {"device_id"} else ""


def for_later(old: Settings, new: Settings, waiting: Iterable[str]) -> list[str]:
    """One line for each interface that nobody captures now and that will be captured otherwise."""
    asked = {name: differing(old.capture_of(name), new.capture_of(name)) for name in sorted(waiting)}
    return [f"{name}: {', '.join(names)}: once it is captured" for name, names in asked.items() if names]


@dataclass(frozen=True, slots=True)
class Changes:
    """`settings` are in force from now on: the new ones, but for what needs a restart."""

    settings: Settings
    taken_on: tuple[str, ...] = ()
    need_restart: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For whoever asked; interfaces and exporter speak for themselves."""
        said = [f"{', '.join(map(key_of, self.taken_on))}: taken on"] if self.taken_on else []
        if self.need_restart:
            said.append(
                f"{', '.join(map(key_of, self.need_restart))}: as before until flowherd is started anew"
            )
        return said


def of(old: Settings, new: Settings) -> Changes:
    """What becomes of the host's settings, and the captures' with what cannot change left as it was."""
    names = [name for name in differing(old, new) if name in {item.name for item in fields(HostSettings)}]
    firm = [name for name in names if name not in TAKEN_ON | EXPORTERS]
    former: dict[str, Any] = {name: getattr(old, name) for name in firm}
    settings = replace(new, **former, mode=old.mode, mirror=old.mirror)
    settings = replace(
        settings,
        defaults=_held(old.defaults, new.defaults),
        per_interface={name: _held(old.capture_of(name), new.capture_of(name)) for name in new.per_interface},
    )
    captures = _captures(old, new)
    if any(CAPTURE_FIRM in differing(*pair) for pair in captures.values()):
        firm.append(CAPTURE_FIRM)
    return Changes(settings, tuple(name for name in names if name in TAKEN_ON), tuple(firm))


def _held(old: CaptureSettings, new: CaptureSettings) -> CaptureSettings:
    return replace(new, capture=old.capture)


def _captures(old: Settings, new: Settings) -> Mapping[str, tuple[CaptureSettings, CaptureSettings]]:
    named: Iterable[str] = old.per_interface.keys() | new.per_interface.keys()
    pairs = {name: (old.capture_of(name), new.capture_of(name)) for name in named}
    return pairs | {"": (old.defaults, new.defaults)}


def widest(old: CaptureSettings, new: CaptureSettings) -> CaptureSettings:
    """What the kernel lets in while one worker follows the other: all that either wants of the new filter."""
    decode, snaplen = old.decode or new.decode, max(old.snaplen, new.snaplen)
    if not (old.snaplen and new.snaplen):
        snaplen = 0
    return replace(new, sample=min(old.rate, new.rate), decode=decode, snaplen=snaplen)
