"""What the supervisor ordered: the `start` message of docs/architecture.md as frozen types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SinkOrder:
    """One sink: `name` owns a cursor, `kind` is its class, `target` a folder, path or address."""

    name: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class KentikOrders:
    """Credentials, device and places of Kentik; `devices`: by the interfaces that have one of their own."""

    email: str = ""
    token: str = field(default="", repr=False)
    device_id: int = 0
    device_if: str = ""
    device_ip: str = ""
    device_name: str = ""
    device_plan: int = 0
    device_site: int = 0
    region: str = "US"
    api_url: str = ""
    flow_url: str = ""
    dns_url: str = ""
    metrics_url: str = ""
    proxy_url: str = ""
    own_traffic: bool = False
    devices: Mapping[str, int] = field(default_factory=dict)
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
    kentik = known.get("kentik") or {}
    known["kentik"] = KentikOrders(**{k: v for k, v in kentik.items() if k in KentikOrders.__slots__})
    return Orders(**known, user=message.get("user"), uid=message.get("uid"), gid=message.get("gid"))
