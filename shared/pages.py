"""Makes docs/fields.md and docs/metrics.md from elements and counters: `python -m shared.pages`."""

from collections.abc import Iterable
from pathlib import Path

from shared.counters import COUNTERS, Counter
from shared.elements import ELEMENTS, Element
from shared.reasons import DROP_MEANING

DOCS = Path(__file__).resolve().parent.parent / "docs"
JSON = {"text": "text", "address": "text", "mac": "text", "direction": "word", "end_reason": "word"}


FIELDS = """# Fields of the flow record

<!-- made by `python -m shared.pages`; edit shared/elements.py instead -->

One record is one biflow (RFC 5103): forward is initiator to responder, `rev_` the other way. Counters are
deltas since the flow's previous record. The names are the keys of JSON lines and the columns of the store.
A field that is absent is null in the store and left out of JSON lines, never 0. Addresses are text,
link addresses `aa:bb:cc:dd:ee:ff`. In SQL the view `flows` also has `start_time` and `end_time` (UTC).

"""
METRICS = """# Metrics

<!-- made by `python -m shared.pages`; edit shared/counters.py instead -->

`http://HOST:PORT/metrics` (`--status-host`, `--status-port`) in Prometheus' text format.
`/v1/status` has the records taken in and delivered as JSON: `count`, `1m.rate`, `5m.rate`.

"""
DROPS = """
`flowherd_decode_dropped_total` (counter, packets) has the labels `interface` and `reason`:

"""


def fields() -> str:
    """The page of the flow record's fields."""
    head = ("field", "SQL", "JSON", "unit", "IPFIX element", "meaning")
    return FIELDS + _table(head, map(_field, ELEMENTS))


def metrics() -> str:
    """The page of the metrics."""
    shown = [counter for counter in COUNTERS if not counter.name.startswith("dropped_")]
    reasons = ((f"`{reason.name.lower()}`", about) for reason, about in DROP_MEANING.items())
    table = _table(("metric", "kind", "labels", "unit", "meaning"), map(_metric, shown))
    return METRICS + table + DROPS + _table(("reason", "meaning"), reasons)


def _field(element: Element) -> tuple[str, ...]:
    iana = "" if element.iana is None else f"{element.iana[1]} ({element.iana[0]})"
    if iana and element.reverse:
        iana = f"reverse {iana}"
    about = element.about + (f" ({element.source})" if element.source else "")
    name = f"`{element.name}`"
    return name, element.sql, JSON.get(element.kind, "number"), element.unit, iana, about


def _metric(counter: Counter) -> tuple[str, ...]:
    name = f"`flowherd_{counter.name}{'_total' if counter.kind == 'counter' else ''}`"
    unit = "" if counter.unit == "1" else counter.unit
    return name, counter.kind, ", ".join(counter.labels), unit, counter.about


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


PAGES = {"fields.md": fields, "metrics.md": metrics}


def main() -> None:
    """Write both pages."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make())


if __name__ == "__main__":
    main()
