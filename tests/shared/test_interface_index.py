"""Numbers of interfaces: kprobe's where they can be, distinct always."""

from hypothesis import given
from hypothesis import strategies as st

from shared.interface_index import indices, tail_of

MACS = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 2**48 - 1), max_size=20)


@given(MACS)
def test_distinct(macs):
    """By the MAC's tail, where nobody else has it; 0 is Kentik's own."""
    found = indices(macs)
    assert set(found) == {name for name, mac in macs.items() if mac}
    assert len(set(found.values())) == len(found)
    assert 0 not in found.values()
    tails = [tail_of(mac) for mac in macs.values() if mac]
    if 0 not in tails and len(set(tails)) == len(tails):
        assert found == {name: tail_of(mac) for name, mac in macs.items() if mac}


def test_the_same_tail():
    assert indices({"eth1": 0x02AA0000FFFF, "eth0": 0x02BB0000FFFF}) == {"eth0": 0xFFFF, "eth1": 1}


@given(MACS, MACS)
def test_a_number_is_kept(macs, later):
    """What comes later changes nobody's number."""
    before = indices(macs)
    found = indices(macs | later, before)
    assert {name: found.get(name) for name in before if (macs | later)[name]} == {
        name: number for name, number in before.items() if (macs | later)[name]
    }
    assert len(set(found.values())) == len(found)
