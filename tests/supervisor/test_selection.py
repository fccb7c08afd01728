"""Which links are watched, from the kernel's own words: real links where it makes them, else its messages."""

import json

import pytest

from supervisor.roster import choose
from tests.supervisor.link_messages import (
    GRE,
    LOOP,
    LOOPBACK,
    NOARP,
    NONE,
    POINTOPOINT,
    SIT,
    UP,
    attribute,
    links_of,
    message,
)
from tests.supervisor.rig import flowherd, ip, namespace

LO = message("lo", 1, flags=UP | LOOPBACK, hardware=LOOP)
ETH0, ETH1 = message("eth0", 2), message("eth1", 3)
TUNNEL = "tunnel: counted on the NIC that carries it"
VIRTUAL_END = "end of a container or virtual machine: counted on the NIC it leaves by"
NOTHING = "carries no traffic of its own"


def vlan(name, index, parent, number, **more):
    return message(name, index, "vlan", link=parent, data=attribute(1, number.to_bytes(2, "little")), **more)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(
            [LO, ETH0, ETH1],
            {"lo": "loopback: nothing leaves the host", "eth0": "", "eth1": ""},
            id="plain NICs",
        ),
        pytest.param(
            [
                message("eth0", 2, master=4, slave="bond"),
                message("eth1", 3, master=4, slave="bond"),
                message("bond0", 4, "bond"),
                vlan("bond0.7", 5, 4, 7),
            ],
            {
                "bond0": "",
                "eth0": "counted on bond0",
                "eth1": "counted on bond0",
                "bond0.7": "counted on bond0, with its tag",
            },
            id="bond, and a VLAN on it",
        ),
        pytest.param(
            [message("eth0", 2, master=3, slave="team"), message("team0", 3, "team")],
            {"team0": "", "eth0": "counted on team0"},
            id="team",
        ),
        pytest.param(
            [message("eth0", 2), message("enP1s1", 3, master=2)],
            {"eth0": "", "enP1s1": "counted on eth0"},
            id="a NIC over its fast twin, as netvsc",
        ),
        pytest.param(
            [
                message("eth0", 2, master=4, slave="bond"),
                message("bond0", 4, "bond", master=5, slave="bridge"),
                message("br0", 5, "bridge"),
                message("vnet0", 6, "tun", master=5, slave="bridge"),
                message("veth1", 7, "veth", link=2, netnsid=0, master=5, slave="bridge"),
            ],
            {
                "bond0": "",
                "eth0": "counted on bond0",
                "br0": "counted on its members bond0",
                "vnet0": VIRTUAL_END,
                "veth1": VIRTUAL_END,
            },
            id="a bridge over a bond, with guests",
        ),
        pytest.param(
            [
                ETH0,
                vlan("eth0.10", 3, 2, 10, master=4, slave="bridge"),
                message("br10", 4, "bridge"),
                vlan("eth0.20", 5, 2, 20),
                vlan("eth0.20.30", 6, 5, 30),
            ],
            {
                "eth0": "",
                "eth0.10": "counted on eth0, with its tag",
                "br10": "counted on its members eth0.10",
                "eth0.20": "counted on eth0, with its tag",
                "eth0.20.30": "counted on eth0.20, with its tag",
            },
            id="VLANs, one in a bridge, one in another",
        ),
        pytest.param(
            [ETH0]
            + [message(kind, 3 + n, kind, link=2) for n, kind in enumerate(("macvlan", "macvtap", "ipvlan"))],
            {
                "eth0": "",
                "macvlan": "counted on eth0",
                "macvtap": "counted on eth0",
                "ipvlan": "counted on eth0",
            },
            id="what shares a NIC",
        ),
        pytest.param(
            [
                ETH0,
                message("wg0", 3, "wireguard", flags=UP | POINTOPOINT | NOARP, hardware=NONE),
                message("gre1", 4, "gre", flags=UP | NOARP, hardware=GRE),
                message("sit0", 5, "sit", flags=UP | NOARP, hardware=SIT),
                message("vxlan9", 6, "vxlan", link=2),
                message("geneve1", 7, "geneve"),
                message("tun0", 8, "tun", flags=UP | POINTOPOINT | NOARP, hardware=NONE),
                message("ipip1", 9, "ipip", flags=UP | NOARP, hardware=768),
            ],
            {
                "eth0": "",
                **dict.fromkeys(("wg0", "gre1", "sit0", "vxlan9", "geneve1", "tun0", "ipip1"), TUNNEL),
            },
            id="tunnels",
        ),
        pytest.param(
            [
                message("eth0", 2, master=3, slave="vrf"),
                message("blue", 3, "vrf"),
                message("dummy0", 4, "dummy"),
            ],
            {"eth0": "", "blue": "counted on its members", "dummy0": NOTHING},
            id="VRF and dummy",
        ),
        pytest.param(
            [LO, message("eth0", 5, "veth", link=9, netnsid=0), vlan("eth0.7", 6, 5, 7)],
            {
                "eth0": "the only way out of this network namespace",
                "eth0.7": "counted on eth0, with its tag",
            },
            id="inside a container",
        ),
        pytest.param(
            [LO, message("eth0", 5, "macvlan", link=9, netnsid=0, flags=0)],
            {"eth0": "the only way out of this network namespace; waits: it is down"},
            id="inside a container of its own address, down",
        ),
        pytest.param(
            [
                message("ovs-system", 2, "openvswitch", flags=0),
                message("eth0", 3, master=2, slave="openvswitch"),
            ],
            {"eth0": "", "ovs-system": "counted on its members eth0"},
            id="Open vSwitch",
        ),
    ],
)
def test_each_packet_is_counted_once(messages, expected):
    """`expected`: why a link is not watched; empty, or the only way out: it is."""
    choices = choose((), links_of(*messages))
    reasons = {choice.link.name: choice.reason for choice in choices}
    assert {name: reasons[name] for name in expected} == {
        name: why or "counted here" for name, why in expected.items()
    }
    ways_out = {name for name, why in expected.items() if why.startswith("the only way")}
    watched = {choice.link.name for choice in choices if choice.is_chosen}
    assert watched == {name for name, why in expected.items() if not why} | ways_out


@pytest.mark.root
def test_real_links_and_what_interfaces_says_of_each(tmp_path):
    """Of the kinds that every kernel here has; the same words as for messages above."""
    with namespace() as inside:
        for words in (
            "link add br0 type bridge",
            "link set br0 up",
            "link set va master br0",
            "link add link vb name vm type macvlan mode bridge",
            "link add vx type vxlan id 4 dev vb dstport 4789",
            "link add ib type ifb",
            "tuntap add t0 mode tap",
            "link set t0 master br0",
            "tuntap add t1 mode tun",
        ):
            ip("-n", inside, *words.split())
        done = flowherd("interfaces", "--json", "--runtime-dir", tmp_path, inside=inside)
        shown = {link["name"]: link for link in json.loads(done.stdout)}
        wide = {"COLUMNS": "200", "PATH": "/bin:/usr/sbin"}
        table = flowherd("interfaces", "--runtime-dir", tmp_path, inside=inside, env=wide)
    reasons = {name: link["reason"] for name, link in shown.items() if not name.startswith("sit")}
    assert reasons == {
        "lo": "loopback: nothing leaves the host",
        "va": VIRTUAL_END,
        "vb": VIRTUAL_END,
        "br0": "counted on the NIC it leaves by",
        "vm": "counted on vb",
        "vx": TUNNEL,
        "ib": NOTHING,
        "t0": VIRTUAL_END,
        "t1": TUNNEL,
    }
    assert not any(link["chosen"] for link in shown.values())
    assert {name: link["role"] for name, link in shown.items() if name in {"va", "vm", "t0", "vx"}} == {
        "va": "veth to vb, member of br0",
        "vm": "macvlan of vb",
        "t0": "tun, member of br0",
        "vx": "vxlan",
    }
    for name, reason in reasons.items():
        line = next(line for line in table.stdout.splitlines() if line.split()[:1] == [name])
        assert reason in line
