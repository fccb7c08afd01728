"""Hellos of real captures as tshark shows them, with JA4 by a program of its own, and what was sent around them."""

import functools
import importlib.util
import shutil
import tempfile

import pytest

AGAIN = "\x1f"  # between the values of a field
SEGMENT = ("tcp.stream", "tcp.srcport", "tcp.seq_raw", "tcp.payload")
DATAGRAM = ("frame.number", "udp.stream", "udp.srcport", "udp.payload")
PLAIN = ("tcp.desegment_tcp_streams:FALSE",)


@functools.cache
def truth_of(path):
    """(hellos, segments, datagrams), each as a list of rows."""
    place = path.parents[2] / "tools" / "truth.py"
    if not place.exists() or not shutil.which("tshark"):
        pytest.skip("no second opinion on TLS here")
    spec = importlib.util.spec_from_file_location("truth", place)
    truth = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(truth)
    with tempfile.TemporaryDirectory() as config:
        shark = truth.Tshark("tshark", str(path), config)
        hellos, _ = truth.both_ways(lambda preferences: truth.tls_messages(shark, preferences))
        segments = last_values(shark.fields(SEGMENT, "tcp.len > 0 && !icmp && !icmpv6", PLAIN))
        datagrams = last_values(shark.fields(DATAGRAM, "udp && !icmp && !icmpv6"))
    return hellos, segments, datagrams


def last_values(rows):
    """Of each field the value of the innermost header."""
    return [[cell.split(AGAIN)[-1] for cell in row.values()] for row in rows]


def hellos_of(path, carrier):
    return [hello for hello in truth_of(path)[0] if hello["carrier"] == carrier]


def segments_of(path):
    """{(stream, port): {sequence number: payload}}."""
    sides = {}
    for stream, port, number, payload in truth_of(path)[1]:
        side = sides.setdefault((int(stream), port), {})
        side[int(number)] = max(side.get(int(number), b""), bytes.fromhex(payload), key=len)
    return sides


def datagrams_of(path):
    """(frame, (stream, port), payload) of each datagram."""
    return [
        (int(frame), (stream, port), bytes.fromhex(payload))
        for frame, stream, port, payload in truth_of(path)[2]
    ]
