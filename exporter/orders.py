"""What the supervisor ordered: the `start` message of docs/architecture.md as frozen types."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from shared.settings import KentikSettings


@dataclass(frozen=True, slots=True)
class SinkOrder:
    """One sink: `name` owns a cursor, `kind` is its class, `target` a folder, path or address."""

    name: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class KentikOrders(KentikSettings):
    """The settings of Kentik, what of capture matters to it, and `devices` by the interfaces with one of their own.

    `interfaces`: those named to be watched, names or globs.
    """

    device_id: int = 0
    devices: Mapping[str, int] = field(default_factory=dict)
    interfaces: tuple[str, ...] = ()
    decode: bool = True
    http_port: tuple[int, ...] = ()
    dns_port: tuple[int, ...] = ()
    radius_port: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Orders:
    """Settings of one exporter process."""

    sinks: tuple[SinkOrder, ...]
    kentik: KentikOrders = KentikOrders()
    spool_dir: str = ""
    durable: bool = True
    spool_mib: int = 1024
    spool_age_s: float = 86400.0
    store_mib: int = 10240
    store_age_s: float = 30 * 86400.0
    status_host: str = "127.0.0.1"
    status_port: int = 0
    top: bool = False
    sandbox: bool = True
    again: bool = False
    log_level: str = "info"
    log_format: str = "text"
    user: str | None = None
    uid: int | None = None
    gid: int | None = None

    @property
    def discards_all(self) -> bool:
        """Only `null` sinks: records are counted and need no spool."""
        return all(sink.kind == "null" for sink in self.sinks)


def from_message(message: Mapping[str, Any]) -> Orders:
    """The orders in a `start` message; fields of a newer supervisor are left alone."""
    known = {name: value for name, value in message["settings"].items() if name in Orders.__slots__}
    known["sinks"] = tuple(
        SinkOrder(sink["name"], sink["kind"], sink["target"] or "") for sink in known["sinks"]
    )
    wanted = {item.name for item in fields(KentikOrders)}
    kentik = {name: value for name, value in (known.get("kentik") or {}).items() if name in wanted}
    known["kentik"] = KentikOrders(**kentik)
    return Orders(**known, user=message.get("user"), uid=message.get("uid"), gid=message.get("gid"))
