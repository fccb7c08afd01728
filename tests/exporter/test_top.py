"""The heaviest conversations, against plain Python sums."""

from collections import Counter

from exporter.top import Conversations
from tests.exporter.rig import exporter, message, settings, some_rows, until


def test_bytes_and_packets_add_up():
    talk = Conversations()
    octets, packets = Counter(), Counter()
    for first in range(0, 3000, 1000):
        rows = some_rows(first, 1000)
        rows["rev_bytes"], rows["rev_packets"] = 5, 2
        talk.add(rows)
        for number in range(first, first + 1000):
            octets[number % 250] += number + 5
            packets[number % 250] += 3
    found = talk.heaviest()
    assert len(found) == 10
    assert [one["bytes"] for one in found] == [count for _, count in octets.most_common(10)]
    for one in found:
        last = int(one["src"].rpartition(".")[2])
        assert (octets[last], packets[last]) == (one["bytes"], one["packets"])
        assert (one["proto"], one["port"], one["app"]) == (17, 53, "domain")


def test_silence_has_no_conversations(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("exporter.top.time.monotonic", lambda: now[0])
    talk = Conversations()
    assert talk.heaviest() == []
    talk.add(some_rows(0, 10))
    assert len(talk.heaviest()) == 10
    now[0] += 31
    assert talk.heaviest() == []


def test_reported_when_asked_for(tmp_path):
    with exporter(settings(tmp_path, "null", top=True)) as rig:
        rig.hear("ready")
        rig.worker().send(message(1, 0, 1000))
        until(lambda: len(rig.hear("report")["top"]) == 10)
