"""Which core each worker gets."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.advice import advise
from supervisor.links import Link
from supervisor.placement import OWN, Topology, around, place

NICS = [Link(f"eth{number}", number + 2) for number in range(6)]
NEAR_1 = Link("eth0", 2, numa_node=1)
TWO_NODES = {0: 0, 1: 0, 2: 1, 3: 1}
ONE_NODE = dict.fromkeys(range(4), 0)
THREADS = {core: frozenset({core % 2, core % 2 + 2}) for core in range(4)}  # 0 and 2 are one core, 1 and 3


def cores(links, topology, **more):
    return [where.core for where in place(links, topology, **more).values()]


def interrupts(name, *of):
    """One interrupt of an interface for each of these cores."""
    return {name: {40 + core: frozenset({core}) for core in of}}


@pytest.mark.parametrize(
    ("links", "topology", "expected"),
    [
        (NICS[:2], Topology({0: 0, 1: 0}), [0, 1]),
        (NICS[:3], Topology({0: 0, 1: 0}), [0, 1, 0]),
        ([NEAR_1], Topology(TWO_NODES), [2]),
        ([NEAR_1], Topology(TWO_NODES, interrupts("eth0", 2)), [3]),
        ([NEAR_1], Topology({0: 0, 1: 0}), [0]),
        ([NICS[0]], Topology({0: 0, 1: 0}, interrupts("eth0", 0)), [1]),
        ([NICS[0]], Topology({0: 0, 1: 0, 2: 0}, interrupts("eth0", 0) | interrupts("eth1", 1)), [2]),
        ([NICS[0]], Topology({5: 0}), [5]),
        (NICS[:3], Topology(ONE_NODE, {}, THREADS), [0, 1, 2]),
        ([NICS[0]], Topology(ONE_NODE, interrupts("eth0", 0, 1), THREADS), [2]),
        ([NICS[0]], Topology(ONE_NODE, interrupts("eth0", 0), THREADS), [1]),  # not even beside them
        ([NICS[1], NEAR_1], Topology({0: 1, 1: 0}), [1, 0]),  # who cares where goes first
    ],
)
def test_near_the_nic_away_from_its_interrupts_and_distinct(links, topology, expected):
    assert expected == cores(links, topology)


def test_a_whole_core_far_away_is_better_than_a_thread_beside_another_worker():
    """Two NICs on node 0, whose only whole core has the threads 0 and 1."""
    pair = {0: frozenset({0, 1}), 1: frozenset({0, 1})}
    links = [Link("eth0", 2, numa_node=0), Link("eth1", 3, numa_node=0)]
    places = place(links, Topology({0: 0, 1: 0, 2: 1}, {}, pair))
    assert [where.core for where in places.values()] == [0, 2]
    assert places["eth1"].reason == "not on the NIC's node 0"


def test_a_pinned_core_is_kept_and_others_avoid_it():
    assert cores(NICS[:2], Topology({0: 0, 1: 0}), pinned={"eth0": 0}) == [0, 1]
    assert cores(NICS[:2], Topology({0: 0, 1: 0}), pinned={"eth0": 1}) == [1, 0]


def test_running_workers_are_not_moved_while_it_is_fair():
    assert cores(NICS[:2], Topology({0: 0, 1: 0}), taken={"eth0": 1}) == [1, 0]
    assert cores(NICS[:3], Topology({0: 0, 1: 0}), taken={"eth0": 1, "eth2": 1}) == [1, 0, 1]


def test_running_workers_spread_when_others_have_gone():
    """Of four NICs on two cores, both on core 0 went; and a cpuset may shrink under us."""
    assert cores(NICS[2:4], Topology({0: 0, 1: 0}), taken={"eth2": 1, "eth3": 1}) == [1, 0]
    assert cores(NICS[:2], Topology({0: 0, 1: 0}), taken={"eth0": 7, "eth1": 0}) == [1, 0]


def test_sharing_is_said_of_all_who_share():
    places = place(NICS[:3], Topology({0: 0, 1: 0}))
    assert [p.reason for p in places.values()] == ["shared by 2 workers", OWN, "shared by 2 workers"]
    assert (
        place(NICS[:3], Topology(ONE_NODE, {}, THREADS))["eth2"].reason
        == "with a worker on its other thread 0"
    )


def test_a_pin_outside_our_mask_is_said():
    assert place([NICS[0]], Topology({0: 0}), {"eth0": 7})["eth0"].reason == "pinned, not a core we may use"


@st.composite
def hosts(draw):
    """Cores of some nodes, with one, two or four threads each, of which we may use some; NICs, pins, former places."""
    threads, wholes = draw(st.sampled_from([1, 2, 4])), draw(st.integers(1, 6))
    everything = range(threads * wholes)
    mask = draw(st.sets(st.sampled_from(everything), min_size=1))
    siblings = {
        core: frozenset(other for other in everything if other % wholes == core % wholes) for core in mask
    }
    nodes = {core: core % wholes % draw(st.integers(1, 3)) for core in sorted(mask)}
    links = [Link(f"eth{n}", n, numa_node=draw(st.integers(-1, 2))) for n in range(draw(st.integers(1, 14)))]
    some = st.dictionaries(st.sampled_from([link.name for link in links]), st.sampled_from(everything))
    served = {
        link.name: {n: frozenset({c})}
        for n, link in enumerate(links)
        for c in [draw(st.sampled_from(everything))]
    }
    topology = Topology(nodes, served, siblings if threads > 1 else {}, frozenset(everything))
    return links, topology, draw(some), draw(some)


@given(hosts())
def test_pins_are_kept_and_all_else_is_within_the_mask(host):
    links, topology, pinned, taken = host
    places = place(links, topology, pinned, taken)
    assert list(places) == [link.name for link in links]
    for name, where in places.items():
        assert where.core == pinned[name] if name in pinned else where.core in topology.nodes


@given(hosts())
def test_cores_are_shared_evenly_whoever_came_and_went(host):
    """No worker that may move could move to where fewer are: not two on a core while one is free."""
    links, topology, pinned, taken = host
    places = place(links, topology, pinned, taken)
    used = Counter(where.core for where in places.values())
    for name in places.keys() - pinned.keys():
        core = places[name].core
        assert used[core] <= 1 + min(used[other] for other in topology.nodes)
        shares = used[core] > 1 or any(used[other] for other in topology.beside(core))
        free = [c for c in topology.nodes if not used[c] and not any(used[o] for o in topology.beside(c))]
        assert not (shares and free), "a whole core is free"


@given(hosts())
def test_a_second_look_moves_nobody(host):
    """What was given is kept as it was given, so that links that come and go move no worker for nothing."""
    links, topology, pinned, taken = host
    places = place(links, topology, pinned, taken)
    assert places == place(links, topology, pinned, {name: where.core for name, where in places.items()})


@given(hosts())
def test_advice_is_given_exactly_where_something_is_wrong(host):
    links, topology, pinned, taken = host
    places = place(links, topology, pinned, taken)
    said = " ".join(advise(places, topology))
    assert ("workers on" in said) == (len({where.core for where in places.values()}) < len(links))
    for name, where in places.items():
        is_served = where.core in topology.serving(name) and len(topology.online) > 1
        assert (f"{name}: its interrupts run on core {where.core}" in said) == is_served


def test_advice_names_the_command():
    topology = Topology({0: 0, 1: 0}, interrupts("eth0", 0, 1), {}, frozenset({0, 1, 2, 3, 5}), 0.5)
    shared, throttled, interrupted = advise(place(NICS[:3], topology), topology)
    assert shared.startswith(
        "3 workers on 2 cores: eth0 and eth2 core 0; more cores (--cpus, the cgroup's cpuset)"
    )
    assert throttled.startswith("the cgroup's quota is 0.5 of one core (cpu.max)")
    assert interrupted == (
        "eth0: its interrupts run on core 0, its worker's; move them: echo 2-3,5 > /proc/irq/40/smp_affinity_list"
    )
    several = Topology({0: 0}, {"eth0": {41: frozenset({0}), 40: frozenset({0})}}, {}, frozenset({0, 1}))
    assert (
        "for i in 40 41; do echo 1 > /proc/irq/$i/smp_affinity_list; done"
        in advise(place([NICS[0]], several), several)[0]
    )


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
