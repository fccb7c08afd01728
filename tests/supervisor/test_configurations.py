"""Ten thousand random configurations through everything that decides without touching the host."""

import random
import string
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Literal, get_args, get_origin, get_type_hints

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from exporter.orders import from_message
from shared.errors import ConfigurationError
from shared.settings import CaptureSettings, Settings
from supervisor import arguments, lifecycle, sinks, translations
from supervisor.account import Account
from supervisor.lifecycle import Life, Policy, State
from supervisor.links import Link
from supervisor.outbound import ExporterOrders
from supervisor.placement import Topology, around, place
from supervisor.post import TIMINGS, Post
from supervisor.roster import AGGREGATES, STACKED, choose
from tests.examples import examples
from worker.spec import Spec

PLACE = "flowherd.toml"
FILE, CAPTURE = arguments.file_keys(), get_type_hints(CaptureSettings)
ENDS = ["10.0.0.1,53,10.0.0.2,5353", "::1,80,::2,8080,", "10.0.0.1,53", "x", ""]
SINKS = ["store", "null", "jsonl:-", "store:a", "jsonl:/b:c", "store:/d", "kafka"]
TEXTS = ["", "eth0", "a b", "ü", "\0", "\n", "x" * 300, "http://h:1"]
TEXTS_OF = {"translate": ENDS, "sinks": SINKS}
NUMBERS = [-1, 0, 1, 2, 64, 80, 65_535, 65_536, 1 << 32, 1 << 70]
# Drawn by a seed, as a strategy of so many keys takes milliseconds an example.
lots = st.integers(0, (1 << 64) - 1).map(random.Random)
names = st.text(string.ascii_lowercase + string.digits + ".-", min_size=1, max_size=15)


def value_of(rng, name, hint):
    """A value that a key's type allows; mostly one within bounds."""
    if get_origin(hint) is Literal:
        return rng.choice(get_args(hint))
    if get_origin(hint) is tuple:
        of = NUMBERS[2:7] if get_args(hint)[0] is int else TEXTS_OF.get(name, TEXTS[:4])
        return rng.choices(of, k=rng.randrange(3))
    if hint is bool:
        return rng.random() < 0.5
    if hint is str:
        return rng.choice(TEXTS)
    if rng.random() < 0.8:
        return rng.randint(int(arguments.LEAST.get(name, 0)) + 1, int(arguments.MOST.get(name, 100)))
    return rng.choice(NUMBERS if hint is int else [*NUMBERS, 0.5, float("nan"), float("inf")])


def table_of(rng, hints):
    """A table of the file: some keys, and now and then one that nobody knows or of another's type."""
    table = {name: value_of(rng, name, hints[name]) for name in rng.sample(sorted(hints), rng.randrange(6))}
    if rng.random() < 0.05:
        table |= rng.choice([{"sampel": 1}, {"core": "1"}, {"decode": 1}])
    return table


def sentence_of(error):
    """One line."""
    return len(str(error).splitlines()) == 1


@examples(2000)
@given(lots)
def test_a_file_becomes_settings_or_one_sentence(rng):
    keys, tables = table_of(rng, FILE), {f"eth{i}": table_of(rng, CAPTURE) for i in range(rng.randrange(3))}
    origin = {name: rng.choice(["cli", "env", "file"]) for name in CAPTURE if rng.random() < 0.2}
    try:
        file = arguments.checked(PLACE, {**keys, arguments.TABLE: tables})
        settings = arguments.with_tables(Settings(), file, origin)
        arguments.check_values(settings)
    except ConfigurationError as error:
        assert sentence_of(error)  # noqa: PT017 either may come
        return
    assert settings.per_interface.keys() == tables.keys()
    for name, table in tables.items():
        capture = settings.capture_of(name)
        for key, value in table.items():
            shown = getattr(capture, key)
            expected = value if origin.get(key) not in {"cli", "env"} else getattr(settings.defaults, key)
            assert shown == (tuple(expected) if isinstance(expected, list) else expected)
            assert isinstance(shown, type(getattr(CaptureSettings(), key)))


def sound(table):
    """The capture settings of a table, or None."""
    try:
        file = arguments.checked(PLACE, {arguments.TABLE: {"x": table}})
        settings = arguments.with_tables(Settings(), file, {})
        arguments.check_values(settings)
    except ConfigurationError:
        return None
    return settings.capture_of("x")


@examples(1500)
@given(lots, names)
def test_a_workers_orders_arrive_as_they_were_given(rng, name):
    mode, mirror, core = rng.choice(["flows", "dns"]), rng.random() < 0.5, rng.choice([None, 0, 7])
    capture = sound(table_of(rng, CAPTURE))
    if capture is None:
        return
    post = Post(
        Link(name, 7, mac="02:00:00:00:00:01"), capture, core, sample_key=1 << 63, mode=mode, mirror=mirror
    )
    told = post.spec()
    spec = Spec.read(msgpack.unpackb(msgpack.packb(told)), [3, 4, 5, 6, 7])
    assert (spec.table, spec.batches, spec.acks, spec.life, spec.sources) == (3, 4, 5, 6, (7,))
    assert (spec.name, spec.ifindex, spec.core, spec.mirror, spec.answers) == (
        name,
        7,
        core,
        mirror,
        mode == "dns",
    )
    assert spec.mac_number == 0x020000000001
    assert spec.translate == tuple(map(tuple, translations.parse(capture.translate)))
    assert (spec.http_ports, spec.dns_ports) == (capture.http_port, capture.dns_port)
    for timing in TIMINGS:
        assert getattr(spec, timing) == getattr(capture, timing)
    assert all(key in {f.name for f in fields(Spec)} for key in told)


sink_words = st.lists(st.sampled_from(SINKS) | st.text(max_size=9), max_size=4)


@examples(1000)
@given(sink_words)
def test_sinks_are_parsed_or_refused(given_words):
    try:
        found = sinks.parse(tuple(given_words), "/s", "/home")
    except ConfigurationError as error:
        assert sentence_of(error)  # noqa: PT017 either may come
        return
    assert len({sink.name for sink in found}) == len(found) <= len(given_words)
    assert sinks.parse(tuple(sink.name for sink in found), "/s", "/home") == found


@examples(500)
@given(
    sink_words,
    st.fixed_dictionaries({}, optional={"spool_mib": st.integers(1, 9), "store_age_s": st.integers(1, 9)}),
)
def test_an_exporters_orders_arrive_as_they_were_given(given_words, more):
    try:
        found = tuple(sinks.parse(tuple(given_words), "/s", "/home"))
    except ConfigurationError:
        return
    told = ExporterOrders(Account("u", 1, 2), Settings(**more), found, "/spool").start_message()
    orders = from_message(msgpack.unpackb(msgpack.packb(told)))
    assert [(sink.name, sink.kind, sink.target) for sink in orders.sinks] == [
        (sink.name, sink.kind, sink.target) for sink in found
    ]
    assert (orders.user, orders.uid, orders.gid, orders.spool_dir) == ("u", 1, 2, "/spool")
    assert all(getattr(orders, key) == value for key, value in more.items())


PATTERNS = ["*", "e*", "[a-c]*1", "eth1", "br2", "nobody"]
KINDS = ["", "", "veth", "bridge", "bond", "vlan", "macvlan", "tun", "wireguard", "vrf", "dummy", "team"]


def links_of(rng):
    """Links 1 to n; a master or parent may be one that does not exist, but none is its own."""
    return [
        Link(
            f"{rng.choice(['eth', 'a', 'br'])}{i}", i, rng.choice(KINDS), is_up=rng.random() < 0.8,
            is_loopback=rng.random() < 0.1, master=rng.choice([0, 0, 0, (i + rng.randrange(1, 4)) % 9]),
            parent=rng.choice([0, 0, (i + rng.randrange(1, 4)) % 9]), peer_is_elsewhere=rng.random() < 0.3,
            numa_node=rng.randrange(-1, 2),
        )
        for i in range(1, rng.randrange(1, 10))
    ]  # fmt: skip


@examples(2000)
@given(lots)
def test_each_link_is_decided_with_a_reason_and_counted_once(rng):
    links, patterns = links_of(rng), rng.sample(PATTERNS, rng.choice([0, 0, 1, 2]))
    choices = choose(patterns, links)
    assert [choice.link for choice in choices] == links
    assert all(choice.role and choice.reason for choice in choices)
    chosen = {choice.link.ifindex for choice in choices if choice.is_chosen}
    if patterns:
        assert chosen == {link.ifindex for link in links if any(fnmatchcase(link.name, p) for p in patterns)}
        return
    kinds = {link.ifindex: link.kind for link in links}
    for link in links:
        if link.ifindex in chosen and not link.peer_is_elsewhere:
            assert not link.is_loopback
            assert link.kind not in STACKED
            assert kinds.get(link.master) not in AGGREGATES


@examples(2000)
@given(lots)
def test_every_worker_has_a_core(rng):
    links, nodes = links_of(rng), {core: rng.randrange(2) for core in range(rng.randrange(1, 16))}
    pins, held = (
        {rng.randrange(1, 10): rng.randrange(20) for _ in range(rng.randrange(3))} for _ in range(2)
    )
    busy = {rng.randrange(16) for _ in range(rng.randrange(5))}
    siblings = {core: frozenset({core, core ^ 1}) for core in nodes} if rng.random() < 0.5 else {}
    by_index = {link.ifindex: link.name for link in links}
    pinned = {by_index[i]: core for i, core in pins.items() if i in by_index}
    taken = {by_index[i]: core for i, core in held.items() if i in by_index}
    topology = Topology(nodes, {link.name: {1: frozenset(busy)} for link in links[:2]}, siblings)
    places = place(links, topology, pinned, taken)
    assert places.keys() == set(by_index.values())
    for name, where in places.items():
        assert where.reason
        if name in pinned:
            assert where.core == pinned[name]
        else:
            assert where.core in nodes
        assert around(where.core, topology) <= nodes.keys()


events = st.lists(
    st.tuples(st.sampled_from(["capturing", "died", "progressed", "look"]), st.floats(0, 30)), max_size=40
)


@examples(1000)
@given(events, st.integers(0, 6))
def test_a_life_ends_only_by_too_many_deaths_in_too_short_a_time(events, intensity):
    policy, life, now_s = Policy(intensity=intensity), Life(), 0.0
    for what, later_s in events:
        now_s += later_s
        if what == "look" and lifecycle.is_due(life, now_s):
            life = lifecycle.restarting(life, now_s)
        elif what == "capturing":
            life = lifecycle.capturing(life, now_s)
        elif what in {"died", "progressed"} and life.state in {State.STARTING, State.RUNNING}:
            life = lifecycle.died(life, now_s, "x", policy, progressed=what == "progressed")
            period_s = policy.busy_period_s if what == "progressed" else policy.period_s
            assert all(now_s - then < policy.period_s for then in life.deaths_s)
            assert (life.state is State.FATAL) == (len(life.deaths_s) > intensity)
            assert life.state is State.FATAL or 0 <= life.due_s - now_s <= policy.longest_wait_s
            assert sum(now_s - then < period_s for then in life.deaths_s) == len(life.deaths_s)
        if life.state is State.BACKOFF:
            assert lifecycle.is_due(life, life.due_s)
