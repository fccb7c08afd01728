"""`flowherd interfaces` on narrow terminals: everything is there, and nothing is cut."""

import io

import pytest
from rich.console import Console

from shared.interface_index import indices
from supervisor.links import Link
from supervisor.nic_table import Plan, mac_of, render
from supervisor.placement import Place
from supervisor.roster import choose

LINKS = [
    Link("lo", 1, is_loopback=True, is_up=True),
    Link(
        "enp3s0f1np1",
        2,
        mac="02:00:00:00:00:01",
        driver="mlx5_core",
        speed_mbit=100_000,
        numa_node=1,
        is_up=True,
    ),
    Link("wlx001122334455", 3, mac="02:00:00:00:00:02", driver="rtl8xxxu", is_up=True),
    Link("va", 4, kind="veth", mac="02:00:00:00:00:03", speed_mbit=10_000, is_up=True),
]
PLACES = {
    "enp3s0f1np1": Place(0, "serves the NIC's interrupts too"),
    "wlx001122334455": Place(1, "shared by 2 workers"),
}
TOLD = "enp3s0f1np1 mlx5_core 100 Gb/s counted here; core serves the NIC's interrupts too loopback: nothing leaves"


def shown(width, granted):
    out = io.StringIO()
    plan = Plan(PLACES, granted, indices({link.name: mac_of(link) for link in LINKS}))
    Console(file=out, width=width, color_system=None).print(render(choose([], LINKS), plan, width))
    return out.getvalue()


@pytest.mark.parametrize("granted", [{}, {"enp3s0f1np1": 0, "wlx001122334455": None}])
@pytest.mark.parametrize("width", [45, 60, 80, 100, 132, 1000])
def test_it_fits_whatever_the_width(width, granted):
    text = shown(width, granted)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert [word for word in TOLD.split() if word not in text.split()] == []
    assert ("runs on" in text) == bool(granted)


def test_on_80_columns_the_reason_stands_below():
    lines = [line.strip() for line in shown(80, {"enp3s0f1np1": 0}).splitlines()]
    assert lines[1] == "interface        watched  core  runs on  role      speed      driver     node"
    assert lines[3] == "enp3s0f1np1      yes      0     0        NIC       100 Gb/s   mlx5_core  1"
    assert lines[4] == "counted here; core serves the NIC's interrupts too · index 1"
