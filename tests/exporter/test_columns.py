"""Every element round-trips, rows to JSON lines and to Parquet, as shared/elements.py says."""

import ipaddress
import json
import struct
from socket import AF_INET, AF_INET6, inet_ntop

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.addresses import address_texts, mac_texts
from exporter.columns import columns
from exporter.ja4 import ja4_of
from exporter.json_lines import lines
from exporter.sinks.parquet import Parquet
from shared.application_elements import TEXTS
from shared.elements import ELEMENTS, NO_U32
from shared.reasons import AppBy, AppProtocol, Direction, EndReason, Speaker
from shared.record import ROW, Batch, behind, pack, unpack
from tests.exporter.rig import put_texts, some_rows

WORDS = {
    "direction": Direction,
    "end_reason": EndReason,
    "app_protocol": AppProtocol,
    "app_by": AppBy,
    "first_speaker": Speaker,
}
BITS = {"u64": 63, "time_ns": 62, "mac": 48}
LARGEST = {"u8": 0xFF, "u16": 0xFFFF, "u32": NO_U32 - 1, "ipv4": NO_U32}
TEXTS_SEEN = [
    b"",
    b"a",
    b"%s %d %",
    b'"\\',
    b"\0\x01\x1f\x7f\r\n",
    "ü→\u2028".encode(),
    b"\xff\xc3",
    b"long" * 1000,
    None,
]
RAW_JA4 = b"t13d0202h2_1301,1302_0005,000a_0403"


def expected(element, row, texts, batch):
    """One value as JSON has it, worked out without NumPy."""
    if element.scope == "batch":
        value = getattr(batch, element.name)
    elif element.scope == "application":
        return exchanged(element, row, texts)
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
    if element.kind not in WORDS:
        return value
    return WORDS[element.kind](value).name.lower() if value in set(WORDS[element.kind]) else "unknown"


def exchanged(element, row, texts):
    """A field of an application."""
    if row["app_protocol"] not in element.protocols:
        return None
    if element.cell.startswith("number"):
        number = int(row[element.cell])
        if number > LARGEST[element.kind] or number == element.absent:
            return None
        return str(ipaddress.IPv4Address(number)) if element.kind == "ipv4" else number
    raw = texts[int(element.cell[-1])]
    if raw is None:
        return None
    text = "".join(c if c != "\0" else "\\x00" for c in raw.decode(errors="backslashreplace"))
    return ja4_of(text) if element.kind == "ja4" else text


def varied(seed, count=200):
    """Rows with every element absent here and there, and anything else elsewhere; and their texts."""
    chance = np.random.default_rng(seed)
    rows = np.zeros(count, ROW)
    for name in ROW.names:
        rows[name] = np.frombuffer(chance.bytes(count * ROW[name].itemsize), ROW[name])
    rows["ip_version"] = chance.choice([4, 6], count)
    for name, kind in WORDS.items():
        rows[name] = chance.choice(list(kind), count)
    for element in ELEMENTS:
        if element.scope == "row" and element.kind in BITS:
            rows[element.name] %= 1 << BITS[element.kind]
        if element.scope != "batch" and element.absent is not None:
            rows[element.cell or element.name][chance.random(count) < 0.5] = element.absent
        if element.kind in ("u8", "u16") and element.cell:
            rows[element.cell][chance.random(count) < 0.5] = chance.integers(0, 300)
    texts = [tuple(TEXTS_SEEN[i] for i in chance.integers(0, len(TEXTS_SEEN), 5)) for _row in rows]
    texts[7] = (None, None, RAW_JA4, None, None)
    rows["app_protocol"][7] = AppProtocol.TLS
    octets = put_texts(rows, texts, place=1 << 40)
    return Batch('eth0 "100 %s"', 0, 256, rows, texts=octets), texts


def wanted(batch, texts):
    return [
        {element.name: expected(element, row, its, batch) for element in ELEMENTS}
        for row, its in zip(batch.rows, texts, strict=True)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_json_lines_carry_every_element(seed):
    batch, texts = varied(seed)
    found = [json.loads(line) for line in lines(batch).splitlines()]
    for want, got in zip(wanted(batch, texts), found, strict=True):
        assert want == {**dict.fromkeys(want), **got}
        assert None not in got.values()


def test_parquet_carries_every_element(tmp_path):
    (first, texts), second = varied(4), Batch("lo", 1, 1, some_rows(0, 50))
    batches = [first, second]
    parquet = Parquet(tmp_path, durable=False)
    segment = parquet.write(batches, "one.parquet", 0)
    result = duckdb.sql(f"SELECT * FROM read_parquet('{tmp_path}/one.parquet')")
    names = result.columns
    found = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    assert names == [element.name for element in ELEMENTS]
    assert found == wanted(first, texts) + wanted(second, [()] * 50)
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
    for name in WORDS:
        rows[name] = 200
    found = json.loads(lines(Batch("eth0", 2, 1, rows)))
    assert {found[name] for name in WORDS} == {"unknown"}


def test_what_no_row_has_is_no_column():
    """So that it costs nothing."""
    assert {"mpls_label", "retransmits", "app_protocol", "dns_query"}.isdisjoint(
        columns([Batch("eth0", 2, 1, some_rows(0, 5))])
    )


def test_what_no_row_has_is_no_column_of_a_segment(tmp_path):
    parquet = Parquet(tmp_path, durable=False)
    parquet.write([Batch("eth0", 2, 1, some_rows(0, 5))], "few.parquet", 0)
    parquet.close()
    names = duckdb.sql(f"SELECT * FROM read_parquet('{tmp_path}/few.parquet')").columns
    every = [element.name for element in ELEMENTS]
    assert names == sorted(names, key=every.index)
    assert {"bytes", "src_addr", "tos"} < set(names)
    assert {"mpls_label", "retransmits", "app_protocol", "dns_query"}.isdisjoint(names)


def test_duplicates_are_left_out_with_their_texts():
    batch, texts = varied(9)
    for skip in (0, 1, 7, len(texts)):
        rest = behind(batch, skip)
        found = [json.loads(line) for line in lines(rest).splitlines()]
        assert found == [json.loads(line) for line in lines(batch).splitlines()][skip:]
        assert rest.texts == b"".join(one for its in texts[skip:] for one in its if one)


@given(st.binary(min_size=ROW.itemsize, max_size=5 * ROW.itemsize), st.binary(max_size=60), st.data())
def test_any_rows_and_texts_have_columns_and_lines(content, octets, data):
    """Offsets that lie outside, protocols and numbers that cannot be: no sink may stop at them."""
    rows = np.frombuffer(content[: len(content) // ROW.itemsize * ROW.itemsize], ROW).copy()
    some = st.integers(0, 1 << 64) | st.integers(0, 70)
    for row in rows:
        row["app_protocol"] = data.draw(st.integers(0, 10))
        row["text_at"] = data.draw(some) % (1 << 64)
        for cell in TEXTS:
            row[cell] = data.draw(some) % (1 << 16)
    batch = unpack(pack(Batch("eth0", 2, 1, rows, texts=octets)))
    every = {element.name for element in ELEMENTS}
    for skip in range(len(rows) + 1):
        rest = behind(batch, skip)
        assert columns([rest, batch]).keys() <= every
        for line in lines(rest).splitlines():
            assert json.loads(line).keys() <= every


GROUPS = st.lists(st.sampled_from([0, 0, 0, 1, 0xFF, 0xFFFF, 0x1000]), min_size=8, max_size=8)
SIX = GROUPS.map(lambda groups: ipaddress.IPv6Address(struct.pack(">8H", *groups)))


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), SIX), min_size=1, max_size=40))
def test_addresses_are_written_as_the_c_library_does(addresses):
    rows = np.zeros(len(addresses), ROW)
    for row, address in zip(rows, addresses, strict=True):
        words = np.frombuffer(address.packed.rjust(16, b"\0"), np.uint64)
        row["ip_version"], row["src_addr_head"], row["src_addr_tail"] = address.version, *words
    assert address_texts(rows, "src_addr").tolist() == [
        inet_ntop(AF_INET6 if address.version == 6 else AF_INET, address.packed) for address in addresses
    ]


def test_macs():
    assert mac_texts(np.array([0, 0x0200000000FE], np.uint64)).tolist() == [None, "02:00:00:00:00:fe"]
