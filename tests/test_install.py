"""`make install` and `make uninstall` into a folder: what is put where, and that nothing else goes away again."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

LINKS = re.compile(r"\]\((?!https?:)([^)#]+)")
ROOT = Path(__file__).resolve().parent.parent
UNIT, LINK = "etc/systemd/system/flowherd.service", "usr/local/bin/flowherd"
SETTINGS = {"etc/flowherd/flowherd.toml", "etc/flowherd/flowherd.env"}
PRECIOUS = "srv/flowherd/precious"
MARK = "srv/flowherd/.installed-by-make"
PUT = {UNIT, LINK, "etc/sysusers.d/flowherd.conf", "etc/tmpfiles.d/flowherd.conf"} | SETTINGS


def make(target, folder, *more):
    command = ["make", "--silent", target, f"DESTDIR={folder}", "PREFIX=/srv/flowherd", *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def there(folder):
    """Files and links, but for those to read."""
    found = {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or path.is_symlink()
    }
    return {name for name in found if not name.startswith("srv/flowherd/") or name in {MARK, PRECIOUS}}


@pytest.fixture
def installed(tmp_path):
    """All but the environment of Python, which takes a minute."""
    done = make("install-files", tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_everything_has_its_place(installed):
    assert there(installed) == PUT | {MARK}
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


def test_nothing_is_left_of_what_nobody_touched(tmp_path):
    """Folders that were there stay, and those that have something of somebody else's."""
    (tmp_path / "etc/tmpfiles.d").mkdir(parents=True)
    for _ in range(2):
        done = make("install-files", tmp_path)
        assert f"settings are in {tmp_path}/etc/flowherd. Where it is unpacked: " in done.stdout
    (tmp_path / "usr/local/bin/other").touch()
    assert str(tmp_path) not in (tmp_path / MARK).read_text(), "a package is unpacked elsewhere"
    done = make("uninstall", tmp_path)
    assert done.returncode == 0
    assert f"{tmp_path}/etc/flowherd, {tmp_path}/var/lib/flowherd" in done.stdout
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"etc", "etc/tmpfiles.d", "usr", "usr/local", "usr/local/bin", "usr/local/bin/other"}


def test_every_page_that_a_page_leads_to_is_there(installed):
    root = installed / "srv/flowherd"
    pages = list(root.rglob("*.md"))
    assert {"README.md", "operating.md", "0016-sandbox.md"} <= {page.name for page in pages}
    links = [(page, link) for page in pages for link in LINKS.findall(page.read_text())]
    assert [str(link) for page, link in links if not (page.parent / link).exists()] == []


def test_nothing_knows_where_it_was_put_together(tmp_path):
    """An environment in small: scripts and compiled modules name the place where they will be."""
    root = tmp_path / "srv/flowherd"
    packages = root / "lib/python3/site-packages"
    note = packages / "flowherd-1.dist-info/direct_url.json"
    for folder in (root / "bin", note.parent):
        folder.mkdir(parents=True)
    (root / "bin/python").symlink_to(sys.executable)
    (root / "bin/flowherd").write_text(f"#!{root}/bin/python\n")
    (root / "pyvenv.cfg").write_text(f"command = python3 -m venv {root}\n")
    (packages / "module.py").write_text("raise ValueError\n")
    note.write_text(f'{{"url": "file://{tmp_path}"}}')
    done = make("install-named", tmp_path)
    assert done.returncode == 0, done.stderr
    (compiled,) = packages.rglob("*.pyc")
    assert b"/srv/flowherd/lib/python3/site-packages/module.py" in compiled.read_bytes()
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if str(tmp_path).encode() in path.read_bytes()] == []


@pytest.mark.parametrize("target", ["install", "uninstall"])
def test_a_folder_that_is_not_ours_is_left_alone(tmp_path, target):
    """PREFIX=/usr is a mistake."""
    (tmp_path / "srv/flowherd").mkdir(parents=True)
    (tmp_path / PRECIOUS).write_text("")
    done = make(target, tmp_path, "--assume-old=.venv/.home")
    assert done.returncode != 0
    assert "flowherd is" in done.stderr
    assert there(tmp_path) == {PRECIOUS}


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
