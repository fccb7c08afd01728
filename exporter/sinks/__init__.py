"""Sinks by kind. A new one is a class that follows `base.Sink` and one line here (step 10)."""

from importlib import import_module
from typing import Any

from exporter.sinks.base import Sink

KINDS = {
    "null": "exporter.sinks.null:Null",
    "jsonl": "exporter.sinks.jsonl:Jsonl",
    "kentik": "exporter.sinks.kentik:Kentik",
    "kentik-dns": "exporter.sinks.kentik_stream:KentikDns",
    "kentik-radius": "exporter.sinks.kentik_stream:KentikRadius",
    "store": "exporter.sinks.store:Store",
}


def load(kind: str) -> type[Sink]:
    """The sink's class; its libraries are imported now, before privileges are dropped."""
    module, _, name = KINDS[kind].partition(":")
    loaded: Any = getattr(import_module(module), name)
    return loaded  # type: ignore[no-any-return]
