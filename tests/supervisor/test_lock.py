"""Who may watch an interface: one instance, or the members of one fanout group."""

import os

import pytest

from shared.errors import FlowherdError
from supervisor.lock import Lock

GROUP = 7


def refusal(pid):
    return f"held by {pid}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, GROUP), (GROUP, 0), (GROUP, GROUP + 1)])
def test_nobody_else_gets_it(path, first, second):
    held = Lock.take(path, refusal, first)
    with pytest.raises(FlowherdError, match=f"held by {os.getpid()}"):
        Lock.take(path, refusal, second)
    held.release()
    Lock.take(path, refusal, second).release()
    assert not path.exists()


def test_members_of_a_fanout_group_share_it(path):
    first, second = (Lock.take(path, refusal, GROUP) for _ in range(2))
    first.release()
    with pytest.raises(FlowherdError):
        Lock.take(path, refusal)
    third = Lock.take(path, refusal, GROUP)
    second.release()
    assert path.exists(), "the third would be alone with a removed file"
    third.release()
    assert not path.exists()


def test_one_whose_file_was_removed_holds_another(path):
    held = Lock.take(path, refusal)
    path.unlink()
    assert not held.is_there
    held.renew()
    with pytest.raises(FlowherdError, match=f"held by {os.getpid()}"):
        Lock.take(path, refusal)
    held.release()
    assert not path.exists()


def test_one_who_came_meanwhile_keeps_it(path):
    held = Lock.take(path, refusal)
    path.unlink()
    other = Lock.take(path, refusal)
    with pytest.raises(FlowherdError, match=f"held by {os.getpid()}"):
        held.renew()
    held.release()
    assert path.exists(), "the other's"
    other.release()
