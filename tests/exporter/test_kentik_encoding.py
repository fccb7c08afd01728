"""Kentik's flow messages: ours read back by pycapnp and by an independent reader, against records in plain Python."""

import gzip
from ipaddress import IPv4Address
from pathlib import Path

import capnp
import numpy as np
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from exporter.kentik.body import PREFIX, body, compressed
from exporter.kentik.columns import columns_of
from exporter.kentik.device import Device
from exporter.kentik.layout import CHF
from exporter.kentik.message import message
from exporter.kentik.packing import BLOCK_WORDS, packed
from exporter.kentik.services import services
from exporter.kentik.sides import sides
from exporter.kentik.split import part
from shared.record import Batch
from tests.examples import examples
from tests.exporter import naive_kentik
from tests.exporter.kentik_rows import ODD_TEXTS, batches, made
from tests.exporter.rig import blank_rows, put_texts, some_rows
from tests.kentik import devices, reader
from tests.kentik.packed import unpacked
from tests.kentik.server import EMAIL, TOKEN, Server

SCHEMA = capnp.load(str(Path(__file__).parents[2] / "exporter" / "kentik" / "chf.capnp"))
LIMIT_WORDS = 1 << 40
# What libkflow made of two flows of device 7.
VECTOR = bytes.fromhex(
    "106c40013101b70251081d0e000203dc050103000099020a010a1339305010060006106401070002100200050fffffffff000811bd67000b"
    "10110004010a010130900101070002100200050fffffffff00071159820004510c0301010b01020000112132110c4d0002010d0104000011"
    "058a1f68656c6c6f13040a0900010f20010db88001"
)
DATA = {*reader.DATA}


def by_capnp(octets):
    """The records of a packed message as pycapnp reads them."""
    message = SCHEMA.PackedCHF.from_bytes_packed(octets, traversal_limit_in_words=LIMIT_WORDS)
    return [flow_of(one) for one in message.msgs]


def flow_of(one):
    """A record in the form of the independent reader's."""
    told = {name: getattr(one, name) for name in SCHEMA.CHF.schema.fields if name != "custom"}
    for name in (*reader.TEXTS, *reader.DATA):
        present = one._has(name)
        told[name] = (bytes(told[name]) if name in DATA else told[name]) if present else None
    customs = []
    for custom in one.custom:
        kind = custom.value.which()
        value = getattr(custom.value, str(kind))
        customs.append((custom.id, str(kind), bytes(value) if str(kind) == "addrVal" else value))
    return reader.Flow(told, customs)


def both(octets):
    """Both readers' records, which are the same."""
    ours = reader.read_packed(octets)
    assert by_capnp(octets) == ours
    return ours


def encoded(batch, ids=None, **more):
    """A batch's records after all of it: words, packed, prefixed, gzip."""
    device = Device(7, columns_of(devices.columns(devices.CURRENT if ids is None else ids)), **more)
    told = body([part(sides(batch))], device)
    flows = reader.read_body(told.octets)
    assert told.records == len(flows)
    return flows, told.missing


def named(flow, ids):
    """A record's customs by their columns' names, addresses as such."""
    names = {number: name for name, number in ids.items()}
    return [
        (names[number], reader.address(value) if kind == "addrVal" else value)
        for number, kind, value in flow.customs
    ]


def one_of(count=1, texts=(), **columns):
    """A batch of `count` rows with these columns."""
    rows = some_rows(1, count)
    for name, value in columns.items():
        rows[name] = value
    return Batch("eth0", 2, 1, rows, {}, put_texts(rows, [texts] * count))


def test_vector():
    first, second = both(VECTOR)
    assert (str(first.src), str(first.dst), first["l4SrcPort"], first["l4DstPort"]) == (
        *("10.0.0.1", "10.0.0.2"),
        *(80, 12345),
    )
    assert (first["inBytes"], first["inPkts"], first["protocol"], first["sampleRate"]) == (1500, 3, 6, 100)
    assert first.by_id() == {11: "hello", 12: 77, 13: bytes((4, 10, 0, 0, 9, *bytes(12)))}
    assert reader.address(first.by_id()[13]) == IPv4Address("10.0.0.9")
    assert (str(second.src), second["outBytes"], second["outPkts"]) == ("2001:db8::1", 10, 1)
    assert (second["sampleRate"], second.customs) == (400, [])
    assert all(
        one["sampleAdj"] and one["deviceId"] == 7 and one["appProtocol"] == 0 for one in (first, second)
    )


def test_schema_is_kentiks():
    schema = SCHEMA.CHF.schema
    assert SCHEMA.PackedCHF.schema.node.id == 0xB158A6A28E2D29C2
    assert (schema.node.id, SCHEMA.Custom.schema.node.id) == (0xA7AB5C68E4BC7B62, 0xED5D37861203D027)
    assert (schema.node.struct.dataWordCount, schema.node.struct.pointerCount) == (29, 14)
    custom = SCHEMA.Custom.schema.node.struct
    assert (custom.dataWordCount, custom.pointerCount) == (3, 1)
    assert len(schema.fields) == 67


def octet_size(kind):
    return {"bool": 1 / 8, "uint8": 1, "uint32": 4, "uint64": 8, "int64": 8}[kind]


def test_every_offset_is_the_schemas():
    """Those that the encoder writes, and those that the independent reader reads."""
    offsets = {}
    for one in SCHEMA.CHF.schema.node.struct.fields:
        kind = str(one.slot.type.which())
        pointer = kind in ("text", "data", "list")
        offsets[one.name] = one.slot.offset * (1 if pointer else octet_size(kind))
    read = reader.U32 | reader.U64 | reader.I64 | reader.U8 | reader.TEXTS | reader.DATA
    read |= {name: bit / 8 for name, bit in reader.BITS.items()}
    read |= {"appProtocol": reader.APP_PROTOCOL, "custom": reader.CUSTOM}
    assert read == offsets
    written = {name: CHF.fields[name][1] for name in CHF.names if name != "flags"}
    assert written.items() <= offsets.items()


@examples(60)
@given(st.data())
def test_the_reader_reads_every_field(data):
    """Messages made by pycapnp with all there is in them."""
    made = SCHEMA.PackedCHF.new_message()
    listed = made.init("msgs", data.draw(st.integers(0, 3)))
    for one in listed:
        for name in (*reader.U32, "appProtocol"):
            setattr(one, name, data.draw(st.integers(0, (1 << 32) - 1)))
        for name in reader.BITS:
            setattr(one, name, data.draw(st.booleans()))
        one.timestamp, one.inBytes, one.srcRouteLength = -5, 1 << 63, 24
        one.ipv6SrcAddr, one.flowTags = (
            data.draw(st.binary(max_size=17)),
            data.draw(st.text("aé", max_size=9)),
        )
        customs = one.init("custom", data.draw(st.integers(0, 3)))
        for custom in customs:
            custom.id = data.draw(st.integers(0, 99))
            kind, value = data.draw(
                st.sampled_from(
                    [("uint32Val", 9), ("strVal", "x" * 9), ("uint64Val", 1 << 60), ("addrVal", b"4")]
                )
            )
            setattr(custom.value, kind, value)
    both(made.to_bytes_packed())


@pytest.mark.parametrize("current", [True, False])
@examples(50)
@given(told=batches())
def test_records_are_those_of_plain_python(told, current):
    assert_plain(*told, current=current)


@pytest.mark.parametrize("current", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_many_records_are_those_of_plain_python(seed, current):
    assert_plain(*made(seed, 300, ODD_TEXTS), current=current)


def assert_plain(batch, texts, *, current):
    """What is encoded is what naive_kentik.py says, by both readers."""
    ids = devices.CURRENT if current else every_legacy()
    device = Device(7, columns_of(devices.columns(ids)))
    words = message([part(sides(batch))], device)
    wanted = [
        record
        for row, of in zip(batch.rows, texts, strict=True)
        for record in naive_kentik.records(row, of, batch.sample_rate, 7, current=current)
    ]
    flows = both(packed(words.words))
    found = [({name: value for name, value in f.fields.items() if value}, named(f, ids)) for f in flows]
    assert found == wanted
    assert not words.missing


def every_legacy():
    """A device without APP_PROTOCOL that has a column for everything."""
    names = [legacy for fields in naive_kentik.FIELDS.values() for _, _, legacy, _ in fields]
    return devices.LEGACY | {
        name: 9000 + place for place, name in enumerate(names) if name not in devices.LEGACY
    }


@examples(60)
@given(told=st.lists(batches(), max_size=3))
def test_several_batches_in_one_message(told):
    listed = [batch for batch, _ in told]
    device = Device(7, columns_of(devices.columns(devices.CURRENT)))
    joined = body([part(sides(batch)) for batch in listed], device)
    apart = [reader.read_body(body([part(sides(batch))], device).octets) for batch in listed]
    assert reader.read_body(joined.octets) == [flow for flows in apart for flow in flows]


def test_sums_are_the_batchs():
    chance = np.random.default_rng(3)
    rows = some_rows(0, 5000)
    for name in ("packets", "rev_packets"):
        rows[name] = chance.integers(0, 3, 5000)
    for name, of in (("bytes", "packets"), ("rev_bytes", "rev_packets")):
        rows[name] = rows[of] * chance.integers(40, 1500, 5000)
    rows["direction"] = chance.integers(0, 3, 5000)
    flows, _ = encoded(Batch("eth0", 2, 1, rows))
    came, turned = rows["direction"] == 1, rows["direction"] == 2
    for kind, column in (("Pkts", "packets"), ("Bytes", "bytes")):
        into = rows[column][came].sum() + rows[f"rev_{column}"][turned].sum()
        every = rows[column].sum() + rows[f"rev_{column}"].sum()
        assert sum(flow[f"in{kind}"] for flow in flows) == into
        assert sum(flow[f"out{kind}"] for flow in flows) == every - into


def test_a_row_without_packets_one_way_makes_one_record():
    (only,), _ = encoded(one_of(packets=0, rev_packets=2, rev_bytes=99, direction=1))
    assert (str(only.src), only["outPkts"], only["outBytes"], only["inPkts"]) == ("10.1.0.1", 2, 99, 0)
    assert encoded(one_of(packets=0, rev_packets=0))[0] == []


def test_port_is_the_tail_of_the_local_mac():
    ours, theirs = 0x02_00_00_00_AB_CD, 0x02_00_00_00_00_11
    batch = one_of(direction=1, dst_mac=ours, src_mac=theirs, rev_packets=1, vlan=7, inner_vlan=9)
    came, went = encoded(batch)[0]
    assert (came["inputPort"], came["outputPort"], came["vlanIn"], came["vlanOut"]) == (0xABCD, 0, 9, 0)
    assert (went["inputPort"], went["outputPort"], went["vlanIn"], went["vlanOut"]) == (0, 0xABCD, 0, 9)
    device = Device(7)
    told = body([part(sides(batch), index=3)], device)
    assert [(one["inputPort"], one["outputPort"]) for one in reader.read_body(told.octets)] == [
        (3, 0),
        (0, 3),
    ]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"x" * 384, "x" * 384),
        (b"x" * 500, "x" * 384),
        (b"x" * 383 + "é".encode(), "x" * 383),
        (b"x" * 382 + "é!".encode(), "x" * 382 + "é"),
        (b"x" * 381 + "😀".encode(), "x" * 381),
        (b"a\0b\xff", "a\\x00b\\xff"),
        (b"a\0b", "a\\x00b"),
        (b"", ""),
    ],
)
def test_texts_are_cut_between_characters(sent, kept):
    flows, _ = encoded(one_of(app_protocol=1, texts=(sent,)))
    assert flows[0].by_id()[devices.CURRENT["STR00"]] == kept


def test_a_limit_says_its_rate():
    batch = one_of(count=100)
    chosen = sides(batch).take(np.arange(0, 100, 4))
    flows = reader.read_body(body([part(chosen, kept=0.25)], Device(7)).octets)
    assert len(flows) == 25
    assert {flow["sampleRate"] for flow in flows} == {400}
    assert [flow["l4SrcPort"] for flow in flows] == [flow["l4SrcPort"] for flow in encoded(batch)[0]][::4]


def test_missing_columns_are_named_and_skipped():
    ids = {name: number for name, number in devices.CURRENT.items() if name not in ("STR00", "FRAGMENTS")}
    batch = one_of(count=3, app_protocol=1, number0=28, fragments=2, retransmits=4, texts=(b"a.example",))
    flows, missing = encoded(batch, ids)
    assert missing == {"STR00", "FRAGMENTS"}
    wanted = [("INT00", 28), ("APP_PROTOCOL", 1), ("RETRANSMITTED_OUT_PKTS", 4)]
    assert [named(flow, ids) for flow in flows] == [wanted] * 3
    assert encoded(one_of(), {})[1] == frozenset()


def test_columns_of_odd_devices():
    told = [{"col_name": "A", "field_id": "5"}, {"col_name": None, "field_id": "6"}, {"col_name": "B"}]
    assert columns_of([*told, {"col_name": "C", "field_id": "x"}, {"col_name": "D", "field_id": 7}]).ids == {
        "A": 5,
        "D": 7,
    }
    assert columns_of(None).ids == {}


def test_ports_given_class_flows():
    tables = services(dns=[5300], http=[8080], radius=[1645], decode=False)
    ports = [(17, 5300), (17, 53), (6, 8080), (6, 80), (6, 443), (17, 1645), (17, 1812), (17, 67)]
    rows = blank_rows(len(ports))
    rows["packets"], rows["ip_version"], rows["src_port"] = 1, 4, 60000
    rows["proto"], rows["dst_port"] = zip(*ports, strict=True)
    flows, _ = encoded(Batch("eth0", 2, 1, rows), services=tables)
    assert [flow["appProtocol"] for flow in flows] == [1, 0, 2, 0, 0, 9, 0, 0]


@pytest.mark.parametrize(
    ("port", "radius", "where"),
    [
        (1812, (1812, 1813), "the server's"),
        (1645, (1812, 1813, 1645), "the server's"),
        (1645, (1812, 1813), "else"),
    ],
)
def test_a_radius_message_stands_on_its_own_record(port, radius, where):
    """Its server began this one, as a capture may begin: a request is the other direction, by the ports known."""
    batch = one_of(app_protocol=9, number0=4, src_port=port, dst_port=50_000, rev_packets=1)
    flows, _ = encoded(batch, services=services(radius=radius))
    told = [flow["l4SrcPort"] for flow in flows if devices.CURRENT["INT00"] in flow.by_id()]
    assert told == [50_000 if where == "the server's" else port]


WORD = st.one_of(
    st.just(0), st.sampled_from([1, 0x0101010101010101, (1 << 64) - 1]), st.integers(0, (1 << 64) - 1)
)


@examples(150)
@given(words=st.lists(st.tuples(WORD, st.sampled_from([1, 2, 255, 256, 257, 600])), max_size=12))
def test_packing(words):
    octets = b"".join(word.to_bytes(8, "little") * times for word, times in words)
    assert unpacked(packed(np.frombuffer(octets, np.uint64))) == octets


@pytest.mark.parametrize("size", [0, 1, BLOCK_WORDS - 1, BLOCK_WORDS, BLOCK_WORDS + 1, 2 * BLOCK_WORDS])
@pytest.mark.parametrize("word", [0, 1, (1 << 64) - 1])
def test_packing_at_the_ends_of_blocks(size, word):
    words = np.full(size, word, np.uint64)
    assert unpacked(packed(words)) == words.tobytes()


def test_the_body_is_a_prefix_and_a_packed_message():
    assert gzip.decompress(compressed(VECTOR)) == PREFIX + VECTOR
    assert len(PREFIX) == 80
    assert not any(PREFIX)


def test_the_server_takes_what_is_made():
    device = Device(7, columns_of(devices.columns(devices.CURRENT)))
    told = body([part(sides(made(seed, 300, ODD_TEXTS)[0])) for seed in range(3)], device)
    headers = {
        "X-CH-Auth-Email": EMAIL,
        "X-CH-Auth-API-Token": TOKEN,
        "Content-Type": "application/binary",
        "Content-Encoding": "gzip",
    }
    with Server(devices.device(id="7")) as kentik:
        query = {"sender_id": "1:dev1:7", "sid": "0"}
        answer = requests.post(kentik.flow_url, told.octets, params=query, headers=headers, timeout=30)
        assert (answer.status_code, kentik.refused, len(kentik.flows)) == (200, [], told.records)
