"""Loss and windows in the kernels: each rule on a connection made for it, IPv4 and IPv6."""

import pytest

from tests.worker.talk import Talk, loss

WRAP = 2**32 - 500


@pytest.fixture(params=[4, 6])
def talk(request):
    """An empty connection of each IP version."""
    return Talk(request.param)


# -- sequence numbers -----------------------------------------------------------------------------------------


def test_nothing_wrong(talk):
    talk.handshake()
    talk.client(4000, "PA", 1, 1, payload=100)
    talk.server(6000, "A", 1, 101, payload=1000)
    talk.client(7000, "A", 101, 1001)
    record = talk.record()
    assert loss(record) == loss(record, "rev_") == (0, 0, 0, 0)
    assert record["zero_windows"] == record["rev_zero_windows"] == 0


@pytest.mark.parametrize(("gap_us", "found"), [(999, (0, 1, 0, 0)), (1000, (1, 0, 0, 0))])
def test_sent_again_after_the_clients_leg_is_a_retransmit(talk, gap_us, found):
    """SYN-ACK to ACK took 1000 µs; what is sooner than that can only have been overtaken."""
    talk.handshake()
    talk.client(4000, "PA", 1, 1, payload=100)
    talk.client(4000 + gap_us, "PA", 1, 1, payload=100)
    assert loss(talk.record()) == found


@pytest.mark.parametrize(("gap_us", "found"), [(1999, (0, 1, 0, 0)), (2000, (1, 0, 0, 0))])
def test_the_servers_limit_is_its_own_leg(talk, gap_us, found):
    talk.handshake()
    talk.server(4000, "PA", 1, 1, payload=100)
    talk.server(4000 + gap_us, "PA", 1, 1, payload=100)
    assert loss(talk.record(), "rev_") == found


@pytest.mark.parametrize(("gap_us", "found"), [(2999, (0, 1, 0, 0)), (3000, (1, 0, 0, 0))])
def test_three_milliseconds_without_a_handshake(talk, gap_us, found):
    talk.client(4000, "PA", 1, 1, payload=100)
    talk.client(4000 + gap_us, "PA", 1, 1, payload=100)
    assert loss(talk.record()) == found


def test_time_is_counted_from_the_last_progress_not_from_the_last_segment(talk):
    talk.client(0, "A", 1, 1, payload=100)
    for at_us in (2000, 4000):
        talk.client(at_us, "A", 1, 1, payload=100)
    assert loss(talk.record()) == (1, 1, 0, 0)


def test_overtaken_segments_are_a_gap_and_then_out_of_order(talk):
    talk.handshake()
    talk.server(4000, "A", 1001, 1, payload=1000)
    talk.server(4100, "A", 1, 1, payload=1000)
    talk.server(4200, "A", 2001, 1, payload=1000)
    assert loss(talk.record(), "rev_") == (0, 1, 1, 0)


def test_a_segment_that_begins_old_and_ends_new_is_late_and_goes_on(talk):
    talk.client(0, "A", 1, 1, payload=100)
    talk.client(5000, "A", 51, 1, payload=100)
    talk.client(5100, "A", 151, 1, payload=10)
    assert loss(talk.record()) == (1, 0, 0, 0)


@pytest.mark.parametrize("first", [(WRAP, WRAP), (2**32 - 1, 2**32 - 1), (0, 0), (2**31 - 50, 2**31)])
def test_sequence_numbers_wrap(first):
    talk = Talk(first=first)
    talk.handshake()
    for place in range(20):
        talk.client(4000 + place * 2000, "A", 1 + place * 100, 1, payload=100)
    talk.client(50_000, "A", 1, 1, payload=100)
    talk.client(60_000, "A", 1901, 1, payload=100)
    talk.server(61_000, "A", 1, 2001)
    record = talk.record()
    assert loss(record) == (2, 0, 0, 0)
    assert record["rtt_min_us"] == 2000


def test_keep_alives_are_neither(talk):
    talk.handshake()
    talk.client(4000, "A", 1, 1, payload=10)
    for at_us, payload in ((5_000_000, 0), (6_000_000, 1)):
        talk.client(at_us, "A", 10, 1, payload=payload)
    assert loss(talk.record(active=60.0, idle=60.0)) == (0, 0, 0, 0)


def test_one_octet_sent_again_is_no_keep_alive_unless_it_was_the_last(talk):
    talk.client(0, "A", 1, 1, payload=10)
    talk.client(5000, "A", 9, 1, payload=1)
    talk.client(5000, "A", 10, 1, payload=2)
    assert loss(talk.record()) == (2, 0, 0, 0)


def test_pure_acks_do_not_count_wherever_they_stand(talk):
    talk.handshake()
    talk.client(4000, "A", 1, 1, payload=100)
    for seq in (1, 50, 500):
        talk.client(9000, "A", seq, 1)
    assert loss(talk.record()) == (0, 0, 0, 0)


def test_the_fourth_retransmit_of_a_segment_repeats_and_no_other(talk):
    talk.client(0, "A", 1, 1, payload=100)
    for time in range(1, 8):
        talk.client(time * 10_000, "A", 1, 1, payload=100)
    assert loss(talk.record()) == (7, 0, 0, 1)


def test_another_segment_between_begins_the_run_anew(talk):
    talk.client(0, "A", 1, 1, payload=100)
    talk.client(10, "A", 101, 1, payload=100)
    for time, seq in enumerate((1, 1, 1, 101, 1, 1, 1)):
        talk.client((1 + time) * 10_000, "A", seq, 1, payload=100)
    assert loss(talk.record()) == (7, 0, 0, 0)
    talk.client(90_000, "A", 1, 1, payload=100)
    assert loss(talk.record()) == (8, 0, 0, 1)


def test_fin_sent_again(talk):
    talk.handshake()
    talk.client(4000, "FA", 1, 1)
    talk.client(9000, "FA", 1, 1)
    assert loss(talk.record()) == (1, 0, 0, 0)


def test_a_reset_with_payload_counts_like_any_segment(talk):
    talk.handshake()
    talk.server(4000, "PA", 1, 1, payload=10)
    talk.server(9000, "R", 1, payload=10)
    talk.server(9100, "R", 11, payload=10)
    talk.server(9200, "R", 31, payload=10)
    assert loss(talk.record(), "rev_") == (1, 0, 1, 0)


def test_super_frames_are_no_loss(talk):
    """A packet that offload has joined goes on where the last ended, however long it is."""
    talk.handshake(mss=1460)
    for place in range(4):
        talk.server(4000 + place, "A", 1 + place * 29200, 1, payload=29200)
    talk.client(5000, "A", 1, 1 + 4 * 29200)
    record = talk.record()
    assert loss(record, "rev_") == (0, 0, 0, 0)
    assert record["rev_wire_packets"] == 1 + 4 * 20


def test_cut_headers_and_fragments_take_no_part():
    talk = Talk()
    talk.client(0, "A", 1, 1, payload=100)
    talk.client(10_000, "A", 1, 1, payload=100)
    time_ns, link, data = talk.frames[1]
    first = data[:6] + bytes([0x20, 0]) + data[8:]
    for changed in (data[:33], first):
        talk.frames[1] = (time_ns, link, changed, len(data))
        assert loss(talk.record()) == (0, 0, 0, 0)
    talk.frames[1] = (time_ns, link, data[:34], len(data))
    assert loss(talk.record()) == (1, 0, 0, 0)


# -- windows --------------------------------------------------------------------------------------------------


def test_zero_windows_not_of_syn_fin_and_reset(talk):
    talk.client(0, "S", 0, 0, window=0)
    for at_us, flags in enumerate(("A", "PA", "", "FA", "R", "RA")):
        talk.client(1 + at_us, flags, 1, 1, window=0)
    assert talk.record()["zero_windows"] == 3


def test_window_is_scaled_when_both_syns_offer_it(talk):
    talk.client(0, "S", window=100, shift=7)
    talk.server(2000, "SA", 0, 1, window=200, shift=3)
    record = talk.record()
    assert (record["receive_window"], record["rev_receive_window"]) == (None, 200)
    talk.client(3000, "A", 1, 1, window=100)
    talk.server(4000, "A", 1, 1, window=200)
    record = talk.record()
    assert (record["receive_window"], record["rev_receive_window"]) == (100 << 7, 200 << 3)


@pytest.mark.parametrize(
    ("shifts", "found"), [((7, None), 100), ((None, 7), 100), ((14, 14), 100 << 14), ((15, 15), 100 << 14)]
)
def test_window_scale_needs_both_and_goes_to_fourteen(talk, shifts, found):
    talk.client(0, "S", shift=shifts[0])
    talk.server(2000, "SA", 0, 1, shift=shifts[1])
    talk.client(3000, "A", 1, 1, window=100)
    talk.server(3000, "A", 1, 1, window=100)
    record = talk.record()
    assert record["receive_window"] == record["rev_receive_window"] == found


def test_window_without_any_syn_is_not_scaled(talk):
    talk.client(0, "A", 1, 1, window=100)
    talk.client(1, "R", 1, 0, window=55)
    record = talk.record()
    assert (record["receive_window"], record["rev_receive_window"]) == (100, None)
