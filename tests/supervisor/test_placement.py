"""Which core each worker gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.links import Link
from supervisor.placement import Topology, around, place

NICS = [Link(f"eth{number}", number + 2) for number in range(4)]
NEAR_1 = Link("eth0", 2, numa_node=1)
TWO_NODES = {0: 0, 1: 0, 2: 1, 3: 1}


def cores(links, topology, **more):
    return [where.core for where in place(links, topology, **more).values()]


@pytest.mark.parametrize(
    ("links", "topology", "expected"),
    [
        (NICS[:2], Topology({0: 0, 1: 0}), [0, 1]),
        (NICS[:3], Topology({0: 0, 1: 0}), [0, 1, 0]),
        ([NEAR_1], Topology(TWO_NODES), [2]),
        ([NEAR_1], Topology(TWO_NODES, {"eth0": frozenset({2})}), [3]),
        ([NEAR_1], Topology({0: 0, 1: 0}), [0]),
        ([NICS[0]], Topology({0: 0, 1: 0}, {"eth0": frozenset({0})}), [1]),
        ([NICS[0]], Topology({5: 0}), [5]),
    ],
)
def test_near_the_nic_away_from_its_interrupts_and_distinct(links, topology, expected):
    assert expected == cores(links, topology)


def test_a_pinned_core_is_kept_and_others_avoid_it():
    assert cores(NICS[:2], Topology({0: 0, 1: 0}), pinned={"eth0": 0}) == [0, 1]
    assert cores(NICS[:2], Topology({0: 0, 1: 0}), pinned={"eth0": 1}) == [1, 0]


def test_running_workers_are_not_moved():
    assert cores(NICS[:2], Topology({0: 0, 1: 0}), taken={"eth0": 1}) == [1, 0]


def test_sharing_is_said():
    places = place(NICS[:3], Topology({0: 0, 1: 0}))
    assert places["eth2"].reason == "shared by 2 workers"


def test_a_pin_outside_our_mask_is_said():
    assert place([NICS[0]], Topology({0: 0}), {"eth0": 7})["eth0"].reason == "pinned, not a core we may use"


@given(st.integers(1, 20), st.sets(st.integers(0, 63), min_size=1))
def test_no_core_serves_two_while_another_is_free(count, mask):
    links = [Link(f"eth{number}", number) for number in range(count)]
    given_cores = cores(links, Topology(dict.fromkeys(sorted(mask), 0)))
    assert set(given_cores) <= mask
    assert min(count, len(mask)) == len(set(given_cores))


@pytest.mark.parametrize(
    ("core", "nodes", "expected"),
    [
        (2, TWO_NODES, {2, 3}),
        (0, TWO_NODES, {0, 1}),
        (1, {0: 0, 1: 0}, set()),  # one node: every core is as near
        (7, TWO_NODES, set()),  # pinned where we may not run
        (None, TWO_NODES, set()),
        (3, {0: 0, 1: 1, 2: 0, 3: 1, 8: 0}, {1, 3}),  # numbered in turn, as many servers do
    ],
)
def test_a_ring_is_taken_from_its_workers_node(core, nodes, expected):
    assert around(core, Topology(nodes)) == expected
