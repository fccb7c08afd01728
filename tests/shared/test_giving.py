"""Which folders are given to the service user."""

import pytest

from shared.giving import remedy


@pytest.mark.parametrize(
    ("names", "is_given"),
    [((), True), (("manifest.json", "lock"), True), (("identity",), True), (("passwd", "shadow"), False)],
)
def test_a_folder_of_others_is_given_to_nobody(tmp_path, names, is_given):
    for name in names:
        (tmp_path / name).touch()
    given = f"chown -R flowherd {tmp_path}"
    assert remedy(tmp_path, "flowherd") == (given if is_given else "name a folder of its own")


def test_nor_is_what_cannot_be_looked_into(tmp_path):
    assert remedy(tmp_path / "none", "flowherd") == "name a folder of its own"
