"""The settings of one proxy, with their defaults."""

from dataclasses import dataclass

from proxy.allow import DEFAULT, Entry


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen; host empty: on every address of this machine; port 0: any free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the command line says."""

    listen: Place = Place("127.0.0.1", 3182)
    status: Place | None = Place("127.0.0.1", 3183)
    allow: tuple[Entry, ...] = DEFAULT
    max_connections: int = 1000
    idle_s: float = 300.0
    head_s: float = 10.0
    head_bytes: int = 16384
    connect_s: float = 10.0
    drain_s: float = 10.0
    user: str = "flowherd"
    level: str = "info"
