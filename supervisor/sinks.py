"""Pure: `--sink` words to what the exporter is told about each sink."""

from dataclasses import asdict, dataclass
from pathlib import Path

from shared.errors import ConfigurationError

KINDS = ("store", "jsonl", "null")


@dataclass(frozen=True, slots=True)
class Sink:
    """One place records go; a cursor in the spool belongs to its `name`."""

    name: str
    kind: str
    target: str

    def as_map(self) -> dict[str, str]:
        """As it stands in the exporter's start message."""
        return asdict(self)


def parse(words: tuple[str, ...], store_dir: str, cwd: str) -> list[Sink]:
    """Each word as a sink; the same one named twice counts once."""
    sinks = {sink.name: sink for sink in (_parse_one(word, store_dir, cwd) for word in words)}
    for sink in sinks.values():
        if any("\ud800" <= sign <= "\udfff" for sign in sink.target):
            raise ConfigurationError(f"sink {sink.name}: its path has bytes that are not UTF-8")
    return list(sinks.values())


def _parse_one(word: str, store_dir: str, cwd: str) -> Sink:
    kind, _, target = word.partition(":")
    if kind == "null" and not target:
        return Sink("null", "null", "")
    if kind == "store":
        folder = str(Path(cwd, target)) if target else store_dir
        return Sink(f"store:{folder}" if target else "store", "store", folder)
    if word == "jsonl:-":
        return Sink("jsonl:-", "jsonl", "-")
    if kind == "jsonl" and target:
        path = str(Path(cwd, target))
        return Sink(f"jsonl:{path}", "jsonl", path)
    raise ConfigurationError(f"sink {word!r} is not one of store[:DIR], jsonl:PATH, jsonl:- and null")
