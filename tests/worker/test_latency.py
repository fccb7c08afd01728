"""Latencies and round trips in the kernels, and when they stand in which record; IPv4 and IPv6."""

import pytest

from shared.reasons import Speaker
from tests.segments import RAW_IP, datagram
from tests.worker import trial
from tests.worker.talk import C, S, Talk, latencies, loss, trips


@pytest.fixture(params=[4, 6])
def talk(request):
    """An empty connection of each IP version."""
    return Talk(request.param)


# -- handshake ------------------------------------------------------------------------------------------------


def test_half_of_each_leg_unclamped_and_truncated(talk):
    talk.client(0, "S")
    talk.server(5, "SA", 0, 1)
    talk.client(50_000_006, "A", 1, 1)
    *_, record = talk.records()
    assert latencies(record) == (25_000_000, 2)


def test_the_last_syn_counts(talk):
    talk.client(0, "S")
    talk.client(1_000_000, "S")
    talk.server(1_002_000, "SA", 0, 1)
    talk.client(1_003_000, "A", 1, 1)
    record = talk.record()
    assert latencies(record) == (500, 1000)
    assert loss(record) == (1, 0, 0, 0)


def test_a_syn_after_the_syn_ack_changes_nothing(talk):
    talk.handshake()
    talk.client(4000, "S")
    assert latencies(talk.record()) == (500, 1000)


def test_the_first_syn_ack_counts(talk):
    talk.client(0, "S")
    talk.server(2000, "SA", 0, 1)
    talk.server(1_002_000, "SA", 0, 1)
    talk.client(1_003_000, "A", 1, 1)
    record = talk.record()
    assert latencies(record) == (500_500, 1000)
    assert loss(record, "rev_") == (1, 0, 0, 0)


def test_a_lost_syn_leaves_the_clients_leg(talk):
    talk.server(2000, "SA", 0, 1)
    talk.client(3000, "A", 1, 1)
    record = talk.record()
    assert latencies(record) == (500, None)
    assert record["dst_port"] == 80


def test_only_an_ack_of_the_syn_ack_ends_the_clients_leg(talk):
    talk.client(0, "S")
    talk.server(2000, "SA", 0, 1)
    talk.client(2100, "A", 1, 0)
    talk.client(2200, "RA", 1, 1)
    talk.server(2300, "A", 1, 1)
    talk.client(2600, "A", 1, 1)
    assert latencies(talk.record()) == (300, 1000)


def test_simultaneous_open(talk):
    """Both send SYN, then SYN-ACK (RFC 9293 section 3.5); the first SYN-ACK's sender is the server."""
    talk.client(0, "S")
    talk.server(100, "S")
    talk.client(2000, "SA", 0, 1)
    talk.server(2500, "SA", 0, 1)
    talk.server(3000, "A", 1, 1)
    record = talk.record()
    assert latencies(record) == (500, 950)
    assert sum(loss(record)) == sum(loss(record, "rev_")) == 1


def test_no_handshake_no_latencies(talk):
    talk.client(0, "A", 1, 1, payload=10)
    talk.server(500, "A", 1, 11)
    assert latencies(talk.record()) == (None, None)


def test_payload_on_the_syn(talk):
    """TCP Fast Open (RFC 7413): part of the sequence, and a first payload."""
    talk.client(0, "S", payload=100)
    talk.server(2000, "SA", 0, 101)
    talk.server(2500, "PA", 1, 101, payload=50)
    talk.client(3000, "A", 101, 51, payload=20)
    record = talk.record()
    assert loss(record) == (0, 0, 0, 0)
    assert record["fpex_latency_us"] == 2500


def test_payload_on_the_syn_that_was_not_taken_is_sent_again(talk):
    talk.client(0, "S", payload=100)
    talk.server(2000, "SA", 0, 1)
    talk.client(3000, "A", 1, 1, payload=100)
    assert sum(loss(talk.record())) == 1


# -- round trips ----------------------------------------------------------------------------------------------


def test_round_trips_of_a_connection_joined_on_its_way(talk):
    for at_us, took in ((0, 700), (10_000, 900), (20_000, 1001)):
        seq = 1 + at_us // 100
        talk.client(at_us, "PA", seq, 1, payload=100)
        talk.server(at_us + took, "A", 1, seq + 100)
    record = talk.record()
    assert trips(record) == (700, 867, 1001)
    assert trips(record, "rev_") == (None, None, None)


def test_the_handshake_is_a_round_trip_of_each(talk):
    talk.handshake()
    record = talk.record()
    assert trips(record) == (2000, 2000, 2000)
    assert trips(record, "rev_") == (1000, 1000, 1000)


def test_a_delayed_ack_is_timed_from_the_first_of_its_segments(talk):
    """One at a time (RFC 6298 section 3): the second segment is not timed."""
    talk.client(0, "A", 1, 1, payload=100)
    talk.client(500, "A", 101, 1, payload=100)
    talk.server(40_000, "A", 1, 201)
    assert trips(talk.record()) == (40_000, 40_000, 40_000)


def test_an_ack_that_does_not_cover_it_ends_no_timing(talk):
    talk.client(0, "A", 1, 1, payload=100)
    talk.server(300, "A", 1, 1)
    talk.server(400, "A", 1, 100)
    talk.server(500, "A", 1, 101)
    talk.server(600, "A", 1, 101)
    assert trips(talk.record()) == (500, 500, 500)


def test_what_was_sent_again_is_not_timed(talk):
    """Karn: nobody knows which of the two is acknowledged."""
    talk.client(0, "A", 1, 1, payload=100)
    talk.client(200_000, "A", 1, 1, payload=100)
    talk.server(200_500, "A", 1, 101)
    talk.client(201_000, "A", 101, 1, payload=100)
    talk.server(201_900, "A", 1, 201)
    record = talk.record()
    assert trips(record) == (900, 900, 900)
    assert record["retransmits"] == 1


def test_a_timing_lives_through_a_record(talk):
    talk.client(0, "A", 1, 1, payload=100)
    talk.server(1, "A", 1, 1)
    talk.server(20_000_000, "A", 1, 101)
    first, second = talk.records()
    assert trips(first) == (None, None, None)
    assert trips(second) == (20_000_000, 20_000_000, 20_000_000)


def test_one_packet_acknowledges_and_is_timed(talk):
    talk.client(0, "A", 1, 1, payload=100)
    talk.server(800, "A", 1, 101, payload=100)
    talk.client(1500, "A", 101, 101, payload=100)
    talk.server(2600, "A", 101, 201)
    record = talk.record()
    assert trips(record) == (800, 950, 1100)
    assert trips(record, "rev_") == (700, 700, 700)


# -- first payloads, flows and records ------------------------------------------------------------------------


def test_first_payload_exchange(talk):
    talk.handshake()
    talk.client(4000, "PA", 1, 1, payload=10)
    assert talk.record()["fpex_latency_us"] is None
    assert talk.record()["first_speaker"] == Speaker.INITIATOR
    talk.server(10_500, "PA", 1, 11, payload=10)
    talk.server(20_500, "PA", 11, 11, payload=10)
    assert talk.record()["fpex_latency_us"] == 6500


def test_first_payload_exchange_when_the_server_speaks_first(talk):
    talk.handshake()
    talk.server(3500, "PA", 1, 1, payload=10)
    talk.client(9000, "PA", 1, 11, payload=10)
    record = talk.record()
    assert (record["fpex_latency_us"], record["first_speaker"]) == (5500, Speaker.RESPONDER)


@pytest.mark.parametrize("version", [4, 6])
def test_first_payload_exchange_over_udp(version):
    talk = Talk(version)
    said = ((0, C, 0), (100, C, 10), (200, S, 0), (900, S, 1), (2000, S, 1), (3000, C, 1))
    for at_us, way, payload in said:
        talk.frames.append((trial.START_NS + at_us * 1000, RAW_IP, datagram(way, payload, version)))
    record = talk.record()
    assert (record["fpex_latency_us"], record["first_speaker"]) == (800, Speaker.INITIATOR)
    assert record["connection_id"]
    assert loss(record) == loss(record, "rev_") == (None, None, None, None)
    assert record["receive_window"] is record["rtt_min_us"] is record["server_latency_us"] is None


def test_metrics_of_a_short_connection_are_in_its_record(talk):
    """Both FINs, late segments and all, long before the record falls due."""
    talk.handshake(shift=2, mss=1400)
    talk.client(4000, "PA", 1, 1, payload=100)
    talk.client(9000, "PA", 1, 1, payload=100)
    talk.server(10_000, "A", 1, 101, payload=700, window=0)
    talk.server(11_000, "FA", 701, 101)
    talk.client(12_000, "FA", 101, 702)
    talk.server(13_000, "A", 702, 102, window=500)
    talk.client(14_000, "A", 102, 702)
    record = talk.record()
    assert loss(record) == (1, 0, 0, 0)
    assert (record["rev_zero_windows"], record["rev_receive_window"]) == (1, 2000)
    assert latencies(record) == (500, 1000)
    assert (record["mss"], record["rev_mss"]) == (1400, 1400)
    assert record["fpex_latency_us"] == 6000
    assert trips(record, "rev_") == (1000, 1500, 2000)


def test_counters_are_deltas_and_latencies_stay(talk):
    talk.handshake(mss=1460, shift=1)
    talk.client(4000, "PA", 1, 1, payload=100, window=300)
    talk.server(6000, "PA", 1, 101, payload=100)
    talk.client(1_000_000, "PA", 1, 1, payload=100, window=300)
    talk.server(20_000_000, "A", 101, 101)
    first, second = talk.records()
    assert loss(first) == (1, 0, 0, 0)
    assert loss(second) == (None, None, None, None)
    assert loss(second, "rev_") == (0, 0, 0, 0)
    assert trips(second, "rev_") == (None, None, None)
    for name in ("fpex_latency_us", "client_latency_us", "server_latency_us", "mss", "receive_window"):
        assert first[name] == second[name], name
    assert first["connection_id"] == second["connection_id"]
    assert second["receive_window"] == 600


def test_a_connection_after_another_of_the_same_ports_begins_from_nothing(talk):
    talk.handshake(shift=7)
    talk.client(4000, "PA", 1, 1, payload=100)
    talk.server(5000, "RA", 1, 101)
    talk.first = (2**31, 5)
    talk.client(10_000, "S")
    talk.server(10_400, "SA", 0, 1)
    talk.client(10_700, "A", 1, 1, window=900)
    first, second = talk.records()
    assert latencies(first) == (500, 1000)
    assert latencies(second) == (150, 200)
    assert second["receive_window"] == 900
    assert second["fpex_latency_us"] is None
    assert loss(second) == loss(second, "rev_") == (0, 0, 0, 0)


def test_a_new_connection_on_one_that_never_closed_is_no_loss(talk):
    """A SYN whose sequence is far from the last one's is no retransmit."""
    talk.handshake()
    talk.client(4000, "PA", 1, 1, payload=100)
    talk.first = (2**31, 2**30)
    talk.client(20_000, "S")
    talk.server(21_000, "SA", 0, 1)
    talk.client(22_000, "A", 1, 1, payload=10)
    record = talk.record()
    assert loss(record) == loss(record, "rev_") == (0, 0, 0, 0)
