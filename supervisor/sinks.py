"""Pure: `--sink` words to what the exporter is told about each sink."""

from dataclasses import asdict, dataclass
from pathlib import Path

from shared.errors import ConfigurationError
from shared.settings import Settings

KINDS = ("store", "jsonl", "kentik", "kentik-dns", "kentik-radius", "null")


@dataclass(frozen=True, slots=True)
class Sink:
    """One place records go; a cursor in the spool belongs to its `name`."""

    name: str
    kind: str
    target: str

    def as_map(self) -> dict[str, str]:
        """As it stands in the exporter's start message."""
        return asdict(self)


def of(settings: Settings, cwd: str) -> list[Sink]:
    """The sinks of a run: who names an email sends to Kentik too."""
    kentik = settings.kentik
    words = (*settings.sink, "kentik") if kentik.email else settings.sink
    if settings.mode != "flows":
        words = (f"kentik-{settings.mode}",)
    chosen = parse(words, f"{settings.state_dir}/store", cwd)
    is_asked_for = kentik.token or any(sink.kind.startswith("kentik") for sink in chosen)
    if is_asked_for and not (kentik.email and kentik.token):
        missing = "token" if kentik.email else "email"
        raise ConfigurationError(f"kentik: --{missing} is missing; give it, or set KENTIK_{missing.upper()}")
    return chosen


def parse(words: tuple[str, ...], store_dir: str, cwd: str) -> list[Sink]:
    """Each word as a sink; the same one named twice counts once."""
    sinks = {sink.name: sink for sink in (_parse_one(word, store_dir, cwd) for word in words)}
    for sink in sinks.values():
        if any("\ud800" <= sign <= "\udfff" for sign in sink.target):
            raise ConfigurationError(f"sink {sink.name}: its path has bytes that are not UTF-8")
    return list(sinks.values())


def _parse_one(word: str, store_dir: str, cwd: str) -> Sink:
    kind, _, target = word.partition(":")
    if target.startswith("~"):
        raise ConfigurationError(
            f"sink {word!r}: ~ is only read by a shell, and not there; write the path out"
        )
    if word in {"null", "kentik", "kentik-dns", "kentik-radius"}:
        return Sink(word, word, "")
    if kind == "store":
        folder = str(Path(cwd, target)) if target else store_dir
        return Sink(f"store:{folder}" if target else "store", "store", folder)
    if word == "jsonl:-":
        return Sink("jsonl:-", "jsonl", "-")
    if kind == "jsonl" and target:
        path = str(Path(cwd, target))
        return Sink(f"jsonl:{path}", "jsonl", path)
    raise ConfigurationError(f"sink {word!r} is not one of store[:DIR], jsonl:PATH, jsonl:-, kentik and null")
