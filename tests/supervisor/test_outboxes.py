"""Records that a worker drops: one warning when it begins."""

from types import SimpleNamespace

from shared.logs import Log
from supervisor.outboxes import CALM_S, Outboxes


def test_it_is_said_when_it_begins_and_again_after_a_long_calm(capsys):
    outboxes = Outboxes(Log("supervisor"))

    def warnings(dropped, now_s):
        post = SimpleNamespace(name="eth0", counters=lambda: {"records_dropped": dropped})
        outboxes.note([post], now_s)
        return capsys.readouterr().err.count("drops the oldest interface=eth0")

    assert [warnings(dropped, now_s) for dropped, now_s in ((0, 0), (5, 1), (9, 2), (9, 3))] == [0, 1, 0, 0]
    assert warnings(2, CALM_S) == 0, "another table, and it had dropped some a moment ago"
    assert warnings(3, 2 * CALM_S) == 1
