"""`--sample auto` live, with shortened times: the rate goes up and comes down, and sums stay what was sent."""

import pytest

from supervisor import control
from tests.captures import pcap
from tests.system.host import flowherd, needs_tcpreplay, until, wire
from tests.system.test_sample import plain_exchanges
from tests.worker.trial import START_NS

FLOWS = 2000
TIMES = ("--sample-raise-s=1", "--sample-lower-s=1")
pytestmark = [pytest.mark.root, pytest.mark.slow, needs_tcpreplay]


@pytest.fixture
def place():
    with wire() as made:
        yield made


def rate_of(live):
    """As /metrics and `flowherd status` have it."""
    return next((row["sample"] for row in live.status()["rows"] if row["name"] == "vb"), 1)


def test_more_records_than_the_target_raise_it_and_quiet_lowers_it(place, folder):
    """2000 flows a second, each a record, against a target of 600; every packet sent is in a record's estimate."""
    path = folder / "played.pcap"
    path.write_bytes(
        pcap([(START_NS + i * 1_000_000, data) for i, data in enumerate(plain_exchanges(FLOWS))])
    )
    words = ["--sample=auto", "--records-target=600", *TIMES, "--active-timeout-s=1", "--idle-timeout-s=1"]
    with flowherd(place, folder, *words) as live:
        live.capturing()
        rounds = 0
        while rate_of(live) < 4:
            place.replay(path, "--pps=4000")
            rounds += 1
            assert rounds < 10, live.said()
        place.replay(path, "--pps=4000")
        rounds += 1
        until(lambda: rate_of(live) == 1, live.said, 60)
        counters = live.counters()
        records = live.stop()
    assert counters["kernel_dropped"] == 0
    rates = [record["sample_rate"] for record in records]
    assert min(rates) == 1
    assert max(rates) >= 4
    halves = [r for r in records if r["sample_rate"] > 1 and r["packets"] != r["rev_packets"]]
    assert len(halves) <= 4 * rounds, (
        "a change of rate may fall between the two packets of flows under way, of no others"
    )
    estimate = sum((r["packets"] + r["rev_packets"]) * r["sample_rate"] for r in records)
    sent = 2 * FLOWS * rounds
    assert abs(estimate - sent) < 0.15 * sent, (estimate, sent, live.said())
    assert "sampling rate changes interface=vb rate=1:2" in live.said() or "rate=1:4" in live.said()


def test_a_rate_that_is_not_auto_any_more_is_explained_no_more(place, folder):
    """Nor is a number that happens to be the rate that auto had come to."""
    path, config = folder / "played.pcap", folder / "flowherd.toml"
    path.write_bytes(
        pcap([(START_NS + i * 1_000_000, data) for i, data in enumerate(plain_exchanges(FLOWS))])
    )
    often, auto = (
        "active_timeout_s = 1\nidle_timeout_s = 1\n",
        'sample = "auto"\nrecords_target = 600\nsample_raise_s = 1\n',
    )
    config.write_text(often)

    def reload(text):
        config.write_text(often + text)
        return control.ask(str(folder / "run"), {"do": "reload"})["done"]

    with flowherd(place, folder, f"--config={config}") as live:
        live.capturing()
        assert reload(auto) == ["vb: records_target, sample_raise_s, sample auto: taken on"]
        while rate_of(live) == 1:
            place.replay(path, "--pps=4000")
        rate = rate_of(live)
        until(lambda: f"one of {rate} flows is kept: " in why_of(live), live.said)
        reload(f"sample = {rate}\n")
        until(lambda: not why_of(live), live.said)
        assert rate_of(live) == rate
        reload(auto)
        until(lambda: rate_of(live) == 1, live.said)
        assert not why_of(live), "it begins anew"


def why_of(live):
    """What stands beside the interface in the status."""
    return next((row["why"] for row in live.status()["rows"] if row["name"] == "vb"), "")
