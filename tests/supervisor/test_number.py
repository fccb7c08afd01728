"""One thing and many."""

import pytest

from supervisor.number import counted
from supervisor.totals import totals_line


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "flow", "0 flows"),
        (1, "flow", "1 flow"),
        (2, "flow record", "2 flow records"),
        (1234, "packet", "1,234 packets"),
    ],
)
def test_a_number_with_its_noun(count, noun, text):
    assert counted(count, noun) == text


def test_the_last_line_of_a_run():
    counters = {"packets_received": 1, "records_sent": 1, "packets_uncertain": 1, "packets_missed": 1}
    assert totals_line(counters, {"store": 1}, 1) == (
        "1 packet captured; 1 flow record (store 1); 0 packets dropped; 1 record dropped; "
        "at most 1 packet went with libpcap's buffer; 1 packet uncertain"
    )
