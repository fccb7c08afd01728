"""DNS over UDP: one record an exchange, however often its packets come."""

import pytest

from tests.conversations import C, S, dns_answer, dns_fields, dns_query
from tests.segments import RAW_IP, datagram
from tests.worker.heard import heard
from tests.worker.trial import START_NS

ASK, ANSWER = (C, dns_query(1, "a.example")), (S, dns_answer(1, "a.example"))
ASK_2, ANSWER_2 = (C, dns_query(2, "b.example")), (S, dns_answer(2, "b.example"))


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ([ASK, ANSWER, ANSWER], "a"),
        ([ASK, ASK, ANSWER, ANSWER], "a"),  # asked again, or each packet captured twice
        ([ASK, ASK_2, ANSWER, ANSWER_2, ANSWER, ANSWER_2], "ab"),
        ([ASK, ANSWER, ASK, ANSWER], "aa"),
        ([ASK, ANSWER, ANSWER, ASK, ANSWER, ANSWER], "aa"),
        ([ANSWER, ANSWER_2], "ab"),  # queries that were not seen
    ],
)
def test_an_answer_counts_once(said, names):
    frames = [
        (START_NS + i * 1_000_000, RAW_IP, datagram(way, octets, ports=(40_000, 53)))
        for i, (way, octets) in enumerate(said)
    ]
    kernels = heard(frames)
    assert kernels.exchanges == [dns_fields(f"{name}.example") for name in names]
    assert kernels.counted() == len(said)
