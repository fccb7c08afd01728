"""The TOML file: read, every key checked by the settings' own types, laid under flags and environment."""

import difflib
import math
import tomllib
import types
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from shared.errors import ConfigurationError
from shared.settings import CaptureSettings, HostSettings, KentikSettings, Settings
from supervisor import cores, kentik, translations, values

CONFIG_PATH = "/etc/flowherd/flowherd.toml"
LIST_KEYS = {"interfaces": "interface", "sinks": "sink"}
TABLE = "interface"
NO_RATE = "only with sample auto is there a rate to raise"
UNSHOWN = frozenset({"token", "proxy_url"})


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file as read: top-level keys, and the keys of each interface's table."""

    path: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_file(path: str) -> File:
    """The file at `path`, or the system's one if there is any; every key checked."""
    place = path or CONFIG_PATH
    if not path and not Path(CONFIG_PATH).exists():
        return File()
    try:
        content = tomllib.loads(Path(place).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{place}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{place}: is not TOML: {_why_no_toml(error)}") from error
    return checked(place, content)


def _why_no_toml(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"its byte {error.start} is no UTF-8"
    is_told = isinstance(error, tomllib.TOMLDecodeError)
    return str(error) if is_told else "it has a number too long, or lists too deep, to be read"


def checked(place: str, content: dict[str, Any]) -> File:
    """Refuse any key or type that no setting has, by its path."""
    tables = content.pop(TABLE, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ConfigurationError(
            f"{place}: {TABLE} takes tables, [{TABLE}.NAME]; the list of names to watch is interfaces = [...]"
        )
    hints = file_keys()
    for key, value in content.items():
        _check_key(place, key, value, hints)
    if content.get("sinks") == []:
        raise ConfigurationError(
            f'{place}: sinks: is empty; name one, "store" as without this line, or "null"'
        )
    capture = get_type_hints(CaptureSettings)
    for name, table in tables.items():
        for key, value in table.items():
            _check_key(f"{place}: {TABLE}.{name}", key, value, capture, separator=".")
    return File(place, {LIST_KEYS.get(key, key): value for key, value in content.items()}, tables)


def all_hints() -> dict[str, Any]:
    """Every setting that is a flag, and its type."""
    return get_type_hints(HostSettings) | get_type_hints(KentikSettings) | get_type_hints(CaptureSettings)


def file_keys() -> dict[str, Any]:
    """Every top-level key of the file and its type."""
    return {key_of(name): hint for name, hint in all_hints().items()}


def key_of(name: str) -> str:
    """A setting's key in the file: a list has a plural."""
    return next((key for key, flag in LIST_KEYS.items() if flag == name), name)


def _check_key(place: str, key: str, value: object, hints: dict[str, Any], separator: str = ": ") -> None:
    path = f"{place}{separator}{key}"
    if key not in hints:
        near = difflib.get_close_matches(key, hints, n=1, cutoff=0.6)
        raise ConfigurationError(f"{path}: no such setting" + (f"; did you mean {near[0]}?" if near else ""))
    if not values.fits(value, hints[key]):
        sentence = values.refusal(path, value, hints[key])
        raise ConfigurationError(f"{path}: it is not a text in quotes" if key in UNSHOWN else sentence)


def as_words(value: object) -> list[str]:
    """A TOML value as the words a flag would have had."""
    items = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]


def with_tables(settings: Settings, file: File, origins: dict[str, str]) -> Settings:
    """Each interface's table laid over the defaults; a flag or variable still beats it."""
    firm = _firm(origins)
    per_interface = {
        name: replace(
            settings.defaults,
            **{key: _as_type(key, value) for key, value in table.items() if key not in firm},
        )
        for name, table in file.tables.items()
    }
    return replace(settings, per_interface=per_interface)


def _firm(origins: dict[str, str]) -> set[str]:
    """What a flag or a variable says: no table is heeded there."""
    return {name for name, origin in origins.items() if origin in {"cli", "env"}}


def check_target(settings: Settings, file: File, origins: dict[str, str]) -> None:
    """Refuse a target that no rate follows. A rate said for once, in a flag, may leave the file's target idle."""
    firm = _firm(origins)
    if "sample" in firm and "records_target" not in firm:
        return
    every = (settings.defaults, *settings.per_interface.values())
    if settings.defaults.records_target and all(capture.sample != "auto" for capture in every):
        raise ConfigurationError(f"records_target: {NO_RATE}; add --sample auto")
    for name, table in file.tables.items():
        is_auto = settings.capture_of(name).sample == "auto"
        if table.get("records_target") and "records_target" not in firm and not is_auto:
            raise ConfigurationError(f'{TABLE}.{name}.records_target: {NO_RATE}; add sample = "auto"')


def _as_type(key: str, value: Any) -> Any:  # noqa: ANN401 checked against the hint before
    hint = get_type_hints(CaptureSettings)[key]
    if get_origin(hint) is tuple:
        return tuple(value)
    return float(value) if hint is float else value


LEAST: types.MappingProxyType[str, float] = types.MappingProxyType(
    {
        "snaplen": 0,
        "sample": 0,
        "records_target": 0,
        "sample_cpu": 1,
        "sample_raise_s": 0.1,
        "sample_lower_s": 0.1,
        "device_id": 0,
        "device_plan": 0,
        "device_site": 0,
        "fanout_group": 0,
        "ring_mib": 2,
        "ring_least_mib": 2,
        "table_mib": 8,
        "core": -1,
        "active_timeout_s": 0.1,
        "idle_timeout_s": 0.1,
        "forget_s": 0.1,
        "linger_s": 0,
        "max_flows": 16,
        "status_port": 0,
        "drain_s": 0,
        "memory_mib": 256,
        "spool_mib": 1,
        "spool_age_s": 1,
        "store_mib": 1,
        "store_age_s": 1,
    }
)
SNAPLEN_LEAST = 64  # or 0, which is as many as are read
AGE_MOST_S = 36_525 * 86_400  # a hundred years: nanoseconds of it still fit into 64 bits
MOST: types.MappingProxyType[str, float] = types.MappingProxyType(
    {
        "snaplen": 262144,
        "sample": 1_000_000,  # beyond, 2^32 // N would no longer be 2^32 / N to a part in 4000
        "records_target": 1_000_000_000,
        "sample_cpu": 100,
        "sample_raise_s": 86400,
        "sample_lower_s": 86400,
        "device_id": (1 << 32) - 1,
        "device_plan": (1 << 32) - 1,
        "device_site": (1 << 32) - 1,
        "fanout_group": 65535,
        "ring_mib": 4095,
        "ring_least_mib": 4095,
        "table_mib": 1 << 20,
        "core": 65535,
        "active_timeout_s": 86400,
        "idle_timeout_s": 86400,
        "forget_s": 86400,
        "linger_s": 86400,
        "max_flows": 100_000_000,
        "status_port": 65535,
        "drain_s": 86400,
        "memory_mib": 1 << 20,
        "spool_mib": 1 << 30,
        "spool_age_s": AGE_MOST_S,
        "store_mib": 1 << 30,
        "store_age_s": AGE_MOST_S,
    }
)
PORT_MOST = 65535
NEEDED = {"state_dir": "a folder", "runtime_dir": "a folder", "cache_dir": "a folder", "user": "a user"} | {
    "status_host": "an address"
}


def check_values(settings: Settings) -> None:
    """Refuse what has the right type and makes no sense."""
    kentik.check(settings.kentik)
    cores.parse(settings.cpus)
    parts: Sequence[tuple[str, Any]] = [("", settings), ("", settings.kentik), ("", settings.defaults)]
    parts = [*parts, *((f"{TABLE}.{name}.", capture) for name, capture in settings.per_interface.items())]
    for prefix, part in parts:
        for item in fields(part):
            _check_value(item.name, f"{prefix}{item.name}", getattr(part, item.name))
        if isinstance(part, CaptureSettings):
            _check_ports(prefix, part)
            translations.parse(part.translate, f"{prefix}translate")


def _check_value(name: str, path: str, value: Any) -> None:  # noqa: ANN401 of any setting
    if name in LEAST and value != "auto":
        if math.isnan(value):
            raise ConfigurationError(f"{path}: nan is no number")
        least = SNAPLEN_LEAST if name == "snaplen" and value else LEAST[name]
        if value < least:
            raise ConfigurationError(f"{path}: {value} is less than {least}")
        if value > MOST[name]:
            raise ConfigurationError(f"{path}: {value} is more than {MOST[name]}")
    elif name in NEEDED and not value.strip():
        raise ConfigurationError(f"{path}: is empty; name {NEEDED[name]}")
    elif name.endswith("_dir") and value.startswith("~"):
        raise ConfigurationError(
            f"{path}: {value!r} begins with ~, which only a shell reads; write the folder out"
        )
    elif name == "interface" and not all(map(str.strip, value)):
        raise ConfigurationError(
            f"{key_of(name)}: one of them is empty; name an interface, or none at all for all"
        )
    elif isinstance(value, str | tuple) and any(map(_is_no_text, "".join(map(str, value)))):
        raise ConfigurationError(f"{path}: {value!r} has bytes in it that are no text")


def _check_ports(prefix: str, capture: CaptureSettings) -> None:
    for name in ("http_port", "dns_port", "radius_port"):
        check_ports(f"{prefix}{name}", getattr(capture, name))


def check_ports(path: str, ports: tuple[int, ...]) -> None:
    """Refuse what is no port."""
    for port in ports:
        if not 1 <= port <= PORT_MOST:
            raise ConfigurationError(f"{path}: {port} is no port; 1 to {PORT_MOST} are")


def _is_no_text(sign: str) -> bool:
    """A zero byte, or what stands for a byte that is not UTF-8."""
    return sign == "\0" or "\ud800" <= sign <= "\udfff"
