"""`make install` and `make uninstall` into a folder: what is put where, and that nothing else goes away again."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNIT, LINK = "etc/systemd/system/flowherd.service", "usr/local/bin/flowherd"
SETTINGS = {"etc/flowherd/flowherd.toml", "etc/flowherd/flowherd.env"}
PUT = {UNIT, LINK, "etc/sysusers.d/flowherd.conf", "etc/tmpfiles.d/flowherd.conf"} | SETTINGS


def make(target, folder, *more):
    command = ["make", "--silent", target, f"DESTDIR={folder}", "PREFIX=/srv/flowherd", *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def there(folder):
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or path.is_symlink()
    }


@pytest.fixture
def installed(tmp_path):
    """All but the environment of Python, which takes a minute."""
    done = make("install-files", tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "srv/flowherd/bin").mkdir(parents=True)
    (tmp_path / "srv/flowherd/.installed-by-make").touch()
    return tmp_path


def test_everything_has_its_place(installed):
    assert there(installed) == PUT | {"srv/flowherd/.installed-by-make"}
    assert (installed / LINK).readlink() == Path("/srv/flowherd/bin/flowherd")
    unit = (installed / UNIT).read_text()
    assert "ExecStart=/srv/flowherd/bin/flowherd run\n" in unit
    assert "/opt/flowherd" not in unit
    assert (installed / "etc/flowherd/flowherd.env").stat().st_mode & 0o777 == 0o600


def test_settings_outlive_both(installed):
    for name in SETTINGS:
        (installed / name).write_text("mine")
    (installed / "etc/systemd/system/other.service").write_text("")
    assert make("install-files", installed).returncode == 0
    done = make("uninstall", installed)
    assert done.returncode == 0
    assert there(installed) == SETTINGS | {"etc/systemd/system/other.service"}
    assert {(installed / name).read_text() for name in SETTINGS} == {"mine"}
    assert "/etc/flowherd" in done.stdout
    assert make("uninstall", installed).returncode == 0


@pytest.mark.parametrize("target", ["install", "uninstall"])
def test_a_folder_that_is_not_ours_is_left_alone(tmp_path, target):
    """PREFIX=/usr is a mistake."""
    (tmp_path / "srv/flowherd").mkdir(parents=True)
    (tmp_path / "srv/flowherd/precious").write_text("")
    done = make(target, tmp_path, "--assume-old=.venv/.home")
    assert done.returncode != 0
    assert "flowherd is" in done.stderr
    assert there(tmp_path) == {"srv/flowherd/precious"}


def test_a_link_that_is_somebody_elses_stays(installed):
    (installed / LINK).unlink()
    (installed / LINK).symlink_to("/home/me/flowherd")
    make("uninstall", installed)
    assert (installed / LINK).is_symlink()


def test_the_unit_allows_what_the_supervisor_uses(installed):
    """The capabilities are those that tests/system/test_rights.py starts a flowherd with."""
    from tests.system.test_rights import CAPABILITIES

    lines = (installed / UNIT).read_text().splitlines()
    (bounding,) = (line for line in lines if line.startswith("CapabilityBoundingSet="))
    assert {word.lower() for word in bounding.partition("=")[2].split()} == {
        f"cap_{name}" for name in CAPABILITIES
    }
