"""What a worker is told at birth: the map of the `fork` message and its descriptors (docs/architecture.md)."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Spec:
    """One worker's orders; `sources` are its packet socket or its capture files."""

    name: str
    kind: str
    table: int
    batches: int
    acks: int
    life: int
    sources: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    ifindex: int = 0
    mac: str = ""
    mtu: int = 1500
    core: int | None = None
    block_bytes: int = 0
    blocks: int = 0
    may_grow: bool = False
    filter: str = ""
    promisc: bool = False
    snaplen: int = 65535
    sample: int = 1
    sample_key: int = 0
    translate: tuple[tuple[int, ...], ...] = ()
    decode: bool = True
    answers: bool = False
    mirror: bool = False
    http_ports: tuple[int, ...] = ()
    dns_ports: tuple[int, ...] = ()
    radius_ports: tuple[int, ...] = ()
    waits: bool = False
    sandbox: bool = True
    active_timeout_s: float = 15.0
    idle_timeout_s: float = 15.0
    forget_s: float = 60.0
    linger_s: float = 5.0
    max_flows: int = 500_000

    @classmethod
    def read(cls, orders: dict[str, Any], descriptors: list[int]) -> "Spec":
        """The spec in a message; keys nobody here knows are another version's and left alone."""
        table, batches, acks, life, *sources = descriptors
        known = {field.name for field in fields(cls)}
        given = {key: value for key, value in orders.items() if key in known}
        for name in ("files", "http_ports", "dns_ports", "radius_ports"):
            given[name] = tuple(given.get(name, ()))
        given["translate"] = tuple(map(tuple, given.get("translate", ())))
        return cls(**given, table=table, batches=batches, acks=acks, life=life, sources=tuple(sources))

    @property
    def mac_number(self) -> int:
        """The interface's link address, first octet most significant; -1 when it has none."""
        return int(self.mac.replace(":", ""), 16) if self.mac else -1
