"""Makes docs/fields.md and docs/metrics.md from elements and counters: `python -m shared.pages`."""

from collections.abc import Iterable
from pathlib import Path

from shared.application_elements import APPLICATION
from shared.counters import COUNTERS, Counter, drop_counter
from shared.element import CODES, Element
from shared.elements import BASE
from shared.performance_elements import PERFORMANCE
from shared.reasons import DROP_MEANING, FAULTS

DOCS = Path(__file__).resolve().parent.parent / "docs"
TEXT_KINDS = ("text", "address", "ipv4", "mac", "ja4")


FIELDS = """# Fields of the flow record

<!-- made by `python -m shared.pages`; edit shared/elements.py and the tables beside it instead -->

One record is one biflow (RFC 5103): forward is initiator to responder, `rev_` the other way. Counters are
deltas since the flow's previous record. The names are the keys of JSON lines and the columns of the store.
A field that is absent is null in the store and left out of JSON lines, never 0. Addresses are text,
link addresses `aa:bb:cc:dd:ee:ff`. In SQL the view `flows` also has `start_time` and `end_time` (UTC).
The column Kentik names what kprobe calls the same thing.

## Who, when, how much

"""
NETWORK = """
## How the network performs

Times are those of packets passing this host, in whole microseconds, truncated, never clamped. Segments whose TCP
header was cut by the capture and fragments take no part.

"""
APPLICATIONS = """
## Applications

A finished exchange (a DNS answer, an HTTP response, a TLS handshake, …) makes a record at once, with `end_reason`
`exchange` and the counters so far; a question that nobody answered stands on a later record of its flow. Its fields
stand on that record alone, others have null there. Texts are what was on the wire as UTF-8, at most 4096 bytes; what
is no UTF-8 reads `\\xNN`, and so does a zero byte; DNS, DHCP and RADIUS have control characters as C writes them
(`\\n`, `\\177`). A row keeps these fields in cells the protocols share: `text0` to `text4`, `number0` to `number5`.

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
    head = ("field", "SQL", "JSON", "unit", "IPFIX element", "Kentik", "meaning")
    general = [element for element in APPLICATION if not element.protocols]
    page = FIELDS + _table(head, map(_field, BASE)) + NETWORK + _table(head, map(_field, PERFORMANCE))
    page += APPLICATIONS + _table(head, map(_field, general))
    for protocols in dict.fromkeys(element.protocols for element in APPLICATION if element.protocols):
        page += f"\n### {' and '.join(f'`{protocol.name.lower()}`' for protocol in protocols)}\n\n"
        theirs = (element for element in APPLICATION if element.protocols == protocols)
        page += _table(("field", "cell", *head[1:]), map(_exchanged, theirs))
    return page


def metrics() -> str:
    """The page of the metrics."""
    faults = {drop_counter(reason) for reason in FAULTS}
    shown = [counter for counter in COUNTERS if counter.name not in faults]
    reasons = ((f"`{reason.name.lower()}`", DROP_MEANING[reason]) for reason in FAULTS)
    table = _table(("metric", "kind", "labels", "unit", "meaning"), map(_metric, shown))
    return METRICS + table + DROPS + _table(("reason", "meaning"), reasons)


def _field(element: Element) -> tuple[str, ...]:
    """One line for both directions."""
    iana = "" if element.iana is None else f"{element.iana[1]} ({element.iana[0]})"
    name = f"`{element.name}`"
    if element.reversible:
        name += f" `{element.turned().name}`"
        iana += " and its reverse" if iana else ""
    about = element.about + (f" ({element.source})" if element.source else "")
    return name, element.sql, _json(element), element.unit, iana, element.kentik or "", about


def _exchanged(element: Element) -> tuple[str, ...]:
    name, *rest = _field(element)
    return name, element.cell, *rest


def _json(element: Element) -> str:
    if element.kind in CODES:
        return "word"
    return "text" if element.kind in TEXT_KINDS else "number"


def _metric(counter: Counter) -> tuple[str, ...]:
    name = f"`flowherd_{counter.name}{'_total' if counter.kind == 'counter' else ''}`"
    unit = "" if counter.unit == "1" else counter.unit
    return name, counter.kind, ", ".join(counter.labels), unit, counter.about


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Without the columns that say nothing."""
    listed = list(rows)
    told = [place for place in range(len(head)) if any(row[place] for row in listed)]
    lines = (
        [line[place].replace("|", "\\|") for place in told] for line in (head, ["---"] * len(head), *listed)
    )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


PAGES = {"fields.md": fields, "metrics.md": metrics}


def main() -> None:
    """Write both pages."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make())


if __name__ == "__main__":
    main()
