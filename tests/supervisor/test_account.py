"""Folders made for the service user: theirs before anybody can see them."""

import os
import pwd
from pathlib import Path

import pytest

from shared.errors import FlowherdError
from supervisor.account import PRIVATE, PUBLIC, Account, make_folder, prepare_sinks
from supervisor.sinks import Sink


@pytest.mark.root
def test_a_new_folder_is_its_owners_as_soon_as_it_is_there(tmp_path, monkeypatch):
    nobody = pwd.getpwnam("nobody")
    given, seen = os.chown, []

    def chown(path, uid, gid):
        seen.append((tmp_path / "state" / "store").exists())
        given(path, uid, gid)

    monkeypatch.setattr(os, "chown", chown)
    made = make_folder(tmp_path / "state" / "store", PRIVATE, Account("nobody", nobody.pw_uid, nobody.pw_gid))
    assert seen == [False]
    assert (made.stat().st_uid, made.stat().st_mode & 0o777) == (nobody.pw_uid, PRIVATE)
    assert [path.name for path in made.parent.iterdir()] == ["store"]


def test_a_store_is_for_its_owner_and_the_group(tmp_path):
    """Records tell names and URLs."""
    prepare_sinks([Sink("store", "store", str(tmp_path / "store"))], Account("me"))
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o750


def test_a_file_in_its_place_is_said(tmp_path):
    Path(tmp_path / "store").write_text("in the way")
    with pytest.raises(FlowherdError, match="it is no folder"):
        make_folder(tmp_path / "store", PUBLIC, Account("me"))
