"""What is installed under our names is ours, and the wheel holds what it should."""

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("supervisor", "worker", "exporter", "console", "proxy", "shared")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("flowherd-*.whl")))


@pytest.mark.parametrize("package", PACKAGES)
def test_nobody_else_owns_our_name(package):
    """PyPI has distributions called supervisor, worker and shared: none may be in our environment."""
    owners = importlib.metadata.packages_distributions().get(package, [])
    assert set(owners) <= {"flowherd"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_stray_folder_is_not_imported_in_isolated_mode(package, tmp_path):
    """Children are started with -I: what lies in the current folder is nobody's business."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("")
    command = [sys.executable, "-I", "-c", f"import {package}; print({package}.__file__)"]
    found = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    assert Path(found).resolve() == ROOT / package / "__init__.py"


def test_wheel_holds_our_packages_and_nothing_else(wheel):
    tops = {entry.split("/")[0] for entry in wheel.namelist()}
    assert {top for top in tops if not top.startswith("flowherd-")} == set(PACKAGES)


def test_wheel_holds_every_module(wheel):
    ours = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert ours <= set(wheel.namelist())


def test_wheel_holds_what_modules_load(wheel):
    loaded = {str(path.relative_to(ROOT)) for path in (ROOT / "exporter").rglob("*.capnp")}
    assert loaded
    assert loaded <= set(wheel.namelist())


def test_command_is_flowherd():
    (script,) = importlib.metadata.distribution("flowherd").entry_points.select(group="console_scripts")
    assert (script.name, script.value) == ("flowherd", "supervisor.__main__:main")


def test_every_dependency_is_pinned():
    """constraints.txt names one exact version of everything pyproject.toml asks for."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-").replace(".", "-") for line in lines}
    wanted = importlib.metadata.requires("flowherd")
    names = {word.split(";")[0].split(">")[0].split("[")[0].strip() for word in wanted}
    assert names <= pinned
