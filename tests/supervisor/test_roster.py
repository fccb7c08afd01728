"""Which links are watched, and why."""

import pytest

from shared.errors import ConfigurationError
from supervisor.links import Link
from supervisor.roster import check_names, choose

LO = Link("lo", 1, is_loopback=True)
ETH0, ETH1 = Link("eth0", 2), Link("eth1", 3)


def chosen(links, *patterns):
    return [choice.link.name for choice in choose(patterns, links) if choice.is_wanted_now]


def reason(links, name, *patterns):
    return next(choice.reason for choice in choose(patterns, links) if choice.link.name == name)


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([LO, ETH0, ETH1], ["eth0", "eth1"]),
        ([LO, ETH0, Link("eth1", 3, is_up=False)], ["eth0"]),
        ([Link("eth0", 2, master=9), Link("eth1", 3, master=9), Link("bond0", 9, kind="bond")], ["bond0"]),
        ([Link("eth0", 2, master=9), Link("br0", 9, kind="bridge")], ["eth0"]),
        ([ETH0, Link("docker0", 9, kind="bridge"), Link("veth1", 10, kind="veth", master=9)], ["eth0"]),
        ([ETH0, Link("eth0.7", 9, kind="vlan", parent=2)], ["eth0"]),
        ([ETH0, Link("mac0", 9, kind="macvlan", parent=2)], ["eth0"]),
        ([ETH0, Link("wg0", 9, kind="wireguard"), Link("vx", 10, kind="vxlan")], ["eth0"]),
        ([ETH0, Link("tap0", 9, kind="tun", master=4), Link("br0", 4, kind="bridge")], ["eth0"]),
        ([ETH0, Link("ifb0", 9, kind="ifb")], ["eth0"]),
        ([LO, Link("eth0", 5, kind="veth", peer_is_elsewhere=True)], ["eth0"]),
        ([LO, Link("eth0", 5, kind="macvlan", peer_is_elsewhere=True)], ["eth0"]),
        ([LO, Link("va", 5, kind="veth", parent=6), Link("vb", 6, kind="veth", parent=5)], []),
        ([LO], []),
    ],
)
def test_every_packet_is_counted_once(links, expected):
    assert expected == chosen(links)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [(["lo"], ["lo"]), (["eth*"], ["eth0", "eth1"]), (["eth[1-9]", "lo"], ["lo", "eth1"]), (["wl*"], [])],
)
def test_names_and_globs_always_win(patterns, expected):
    assert expected == chosen([LO, ETH0, ETH1], *patterns)


def test_every_link_has_a_reason():
    links = [LO, ETH0, Link("bond0", 9, kind="bond"), Link("eth1", 3, master=9), Link("eth2", 4, is_up=False)]
    assert reason(links, "eth1") == "counted on bond0"
    assert reason(links, "lo") == "loopback: nothing leaves the host"
    assert reason(links, "eth2") == "waits: it is down"
    assert reason(links, "eth2", "e*") == "named by e*; waits: it is down"
    assert all(choice.reason and choice.role for choice in choose([], links))


def test_an_unknown_name_says_which_exist():
    with pytest.raises(ConfigurationError, match=r"interface eth9: .* there are lo, eth0"):
        check_names(["eth0", "eth9"], [LO, ETH0])
    check_names(["wl*"], [LO, ETH0])
