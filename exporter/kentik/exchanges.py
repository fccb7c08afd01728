"""Fields of application exchanges on the records that kprobe's decoders put them on (step 10).

A row of ours tells a whole exchange, kprobe reported its request and its answer apart: the request's record has what
was asked, the answer's has that too, the result and the latency. A side in which the row counted no packet has no
record, and its fields stand on the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from exporter.cells import LARGEST
from exporter.kentik.fields import DHCP, DNS, FIELDS, HTTP, LATENCY_IS_CLAMPED, RADIUS, Field
from exporter.kentik.layout import Column
from exporter.kentik.services import UDP_ROW
from exporter.kentik.sides import Sides
from exporter.kentik.texts import listed, row_texts
from exporter.kentik.values import Values, addresses_at, clamped_ms, numbers_at, texts_at
from shared.elements import BY_NAME, NO_U32
from shared.reasons import AppProtocol

RESULT = {DNS: "dns_rcode", HTTP: "http_status"}
DHCP_REPLY = 2
RADIUS_REQUESTS = (1, 4)
DHCP_SERVER = 67


@dataclass(frozen=True, slots=True)
class Spoken:
    """The records of one protocol's exchanges that have fields; `has_result`: also those of the answer."""

    sides: Sides
    protocol: AppProtocol
    records: Column
    has_result: Column

    def cell(self, element: str) -> Column:
        """A number of each record's row."""
        name = BY_NAME[element].cell or element
        column: Column = self.sides.batch.rows[name][self.sides.places[self.records] >> 1]
        return column


def application_fields(sides: Sides, services: Column) -> Iterator[Values]:
    """What the exchanges said, in each protocol's order, the latency last; `services`: applications by port."""
    spoken = sides.of_row("app_protocol")
    for protocol, fields in FIELDS.items():
        (records,) = np.nonzero(spoken == protocol)
        if not len(records):
            continue
        told = _told(sides, protocol, records, services)
        for field in fields:
            yield _values(told, field)
        if protocol in LATENCY_IS_CLAMPED:
            yield _latency(told)


def _told(sides: Sides, protocol: AppProtocol, records: Column, services: Column) -> Spoken:
    own = sides.take(records)
    forward, reverse = own.of_row("packets") > 0, own.of_row("rev_packets") > 0
    if protocol in (DHCP, RADIUS):
        back = np.where(forward & reverse, _goes_back(own, protocol, services), reverse)
        chosen = own.is_reverse == back
        return Spoken(sides, protocol, records[chosen], np.ones(int(chosen.sum()), bool))
    if protocol not in RESULT:
        return Spoken(sides, protocol, records, np.ones(len(records), bool))
    result = BY_NAME[RESULT[protocol]]
    answered = own.of_row(result.cell) <= LARGEST[result.kind]
    has_result = answered & (own.is_reverse | ~reverse)
    chosen = has_result | ~own.is_reverse | ~forward
    return Spoken(sides, protocol, records[chosen], has_result[chosen])


def _goes_back(own: Sides, protocol: AppProtocol, services: Column) -> Column:
    """Whether a row's message went in the reverse direction, by what it is and which end is a server's port."""
    if protocol == DHCP:
        is_reply = own.of_row(BY_NAME["dhcp_op"].cell) == DHCP_REPLY
        to_server, from_server = (own.of_row(name) == DHCP_SERVER for name in ("dst_port", "src_port"))
    else:
        is_reply = ~np.isin(own.of_row(BY_NAME["radius_code"].cell), RADIUS_REQUESTS)
        is_server = services[UDP_ROW] == RADIUS
        to_server, from_server = (is_server[own.of_row(name)] for name in ("dst_port", "src_port"))
    goes_back: Column = is_reply ^ (from_server & ~to_server)
    return goes_back


def _values(told: Spoken, field: Field) -> Values:
    """One field on the records that have it."""
    chosen = np.flatnonzero(told.has_result) if field.on_answer else np.arange(len(told.records))
    if field.form == "text":
        return _texts(told, field, chosen)
    element = BY_NAME[field.element]
    numbers = told.cell(field.element)[chosen]
    if not field.always:
        known = numbers != element.absent if field.form == "address" else numbers <= LARGEST[element.kind]
        chosen, numbers = chosen[known], numbers[known]
    if field.known is not None:
        numbers = np.where(np.isin(numbers, tuple(field.known)), numbers, 0)
    records = told.records[chosen]
    if field.form == "numeral":
        distinct, which = np.unique(numbers, return_inverse=True)
        texts = listed([b"%d" % one for one in distinct.tolist()], which)
        return texts_at(field.name, records, texts, told.protocol)
    at = addresses_at if field.form == "address" else numbers_at
    return at(field.name, records, numbers, told.protocol)


def _texts(told: Spoken, field: Field, chosen: Column) -> Values:
    """A text on the records whose rows have it, or on all."""
    records = told.records[chosen]
    rows = told.sides.places[records] >> 1
    present, texts = row_texts(told.sides.batch, BY_NAME[field.element].cell, rows)
    if not field.always:
        records = records[present]
    elif len(present) < len(records):
        texts = texts.spread(present, len(records))
    return texts_at(field.name, records, texts, told.protocol)


def _latency(told: Spoken) -> Values:
    """APPL_LATENCY_MS on the answer."""
    column_us = told.cell("app_latency_us")
    chosen = np.flatnonzero(told.has_result & (column_us != NO_U32))
    known_us = column_us[chosen]
    values = clamped_ms(known_us) if LATENCY_IS_CLAMPED[told.protocol] else known_us // 1000
    return numbers_at("APPL_LATENCY_MS", told.records[chosen], values, told.protocol)
