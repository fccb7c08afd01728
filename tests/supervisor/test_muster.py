"""What of a changed link its worker must be told by a successor."""

import socket
from dataclasses import replace

import pytest

from shared.settings import CaptureSettings
from supervisor.links import Link
from supervisor.muster import GONE, WAS_AWAY, _outdated, why_detached
from supervisor.post import Post

LINK = Link("eth0", 2, mac="02:00:00:00:00:01")


@pytest.mark.parametrize(
    ("capture", "changed", "why"),
    [
        ("ring", {}, ""),
        ("ring", {"speed_mbit": 100, "master": 7}, ""),
        ("ring", {"mac": "02:00:00:00:00:02"}, ""),
        ("pcap", {"mac": "02:00:00:00:00:02"}, "address 02:00:00:00:00:02"),
        ("ring", {"mtu": 9000}, "MTU 9000"),
    ],
)
def test_only_what_it_was_told_and_is_no_longer_so(capture, changed, why):
    assert _outdated(Post(LINK, CaptureSettings(capture=capture)), replace(LINK, **changed)) == why


def test_a_link_that_was_deleted_while_we_looked_is_gone_and_not_away():
    assert why_detached(socket.if_nametoindex("lo")) == WAS_AWAY
    assert why_detached((1 << 31) - 1) == GONE
