"""Every element round-trips, rows to JSON lines and to Parquet, as shared/elements.py says."""

import ipaddress
import json

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.addresses import address_texts, mac_texts
from exporter.columns import columns
from exporter.json_lines import lines
from exporter.sinks.parquet import Parquet
from shared.elements import ELEMENTS
from shared.reasons import Direction, EndReason
from shared.record import ROW, Batch
from tests.exporter.rig import some_rows

WORDS = {"direction": Direction, "end_reason": EndReason}
BITS = {"u64": 63, "time_ns": 62, "mac": 48}


def expected(element, row, batch):
    """One value as JSON has it, worked out without NumPy."""
    if element.scope == "batch":
        value = getattr(batch, element.name)
    elif element.kind == "address":
        octets = row[f"{element.name}_head"].tobytes() + row[f"{element.name}_tail"].tobytes()
        four = row["ip_version"] == 4
        return str(ipaddress.IPv4Address(octets[12:]) if four else ipaddress.IPv6Address(octets))
    else:
        value = int(row[element.name])
    if value == element.absent:
        return None
    if element.kind == "mac":
        return ":".join(f"{value >> shift & 255:02x}" for shift in range(40, -1, -8))
    return WORDS[element.kind](value).name.lower() if element.kind in WORDS else value


def varied(seed, count=200):
    """Rows with every element absent here and there, and anything else elsewhere."""
    chance = np.random.default_rng(seed)
    rows = np.zeros(count, ROW)
    for name in ROW.names:
        rows[name] = np.frombuffer(chance.bytes(count * ROW[name].itemsize), ROW[name])
    rows["ip_version"] = chance.choice([4, 6], count)
    rows["direction"] = chance.integers(0, 3, count)
    rows["end_reason"] = chance.integers(1, 6, count)
    for element in ELEMENTS:
        if element.scope == "row" and element.kind in BITS:
            rows[element.name] %= 1 << BITS[element.kind]
        if element.scope == "row" and element.absent is not None:
            rows[element.name][chance.random(count) < 0.5] = element.absent
    return Batch('eth0 "100 %s"', 0, 256, rows)


def wanted(batch):
    return [{element.name: expected(element, row, batch) for element in ELEMENTS} for row in batch.rows]


@pytest.mark.parametrize("seed", range(3))
def test_json_lines_carry_every_element(seed):
    batch = varied(seed)
    found = [json.loads(line) for line in lines(batch).splitlines()]
    for want, got in zip(wanted(batch), found, strict=True):
        assert want == {**dict.fromkeys(want), **got}
        assert None not in got.values()


def test_parquet_carries_every_element(tmp_path):
    batches = [varied(4), Batch("lo", 1, 1, some_rows(0, 50))]
    parquet = Parquet(tmp_path, durable=False)
    segment = parquet.write(batches, "one.parquet", 0)
    result = duckdb.sql(f"SELECT * FROM read_parquet('{tmp_path}/one.parquet')")
    names = result.columns
    found = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    assert names == [element.name for element in ELEMENTS]
    assert found == wanted(batches[0]) + wanted(batches[1])
    assert segment.rows == 250
    assert {str(kind) for kind in result.types} == {element.sql for element in ELEMENTS}
    merged = parquet.merge([segment], "two.parquet")
    assert merged.rows == 250
    parquet.close()


def test_a_batch_without_rows_has_no_lines():
    assert lines(Batch("eth0", 2, 1, some_rows(0, 0))) == b""
    assert len(columns([Batch("eth0", 2, 1, some_rows(0, 0))])["bytes"]) == 0


def test_codes_nobody_knows_are_words_too():
    """A newer worker's reason must not stop a sink."""
    rows = some_rows(0, 1)
    rows["end_reason"] = 200
    json.loads(lines(Batch("eth0", 2, 1, rows)))


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), min_size=1, max_size=40))
@settings(deadline=None)
def test_addresses_read_as_ipaddress_writes_them(addresses):
    rows = np.zeros(len(addresses), ROW)
    for row, address in zip(rows, addresses, strict=True):
        words = np.frombuffer(address.packed.rjust(16, b"\0"), np.uint64)
        row["ip_version"], row["src_addr_head"], row["src_addr_tail"] = address.version, *words
    texts = address_texts(rows, "src_addr").tolist()
    assert [ipaddress.ip_address(text) for text in texts] == addresses


def test_addresses_whose_hashes_collide_stay_apart(monkeypatch):
    """With a multiplier of 0 all addresses fall on few hashes; comparison finds it."""
    monkeypatch.setattr("exporter.addresses.MIX", np.uint64(0))
    texts = address_texts(some_rows(0, 100), "src_addr").tolist()
    assert texts == [f"10.0.0.{number}" for number in range(100)]


def test_macs():
    assert mac_texts(np.array([0, 0x0200000000FE], np.uint64)).tolist() == [None, "02:00:00:00:00:fe"]
