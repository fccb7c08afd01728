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
