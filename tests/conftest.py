"""What all tests share: who may run, and where captures are found."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.captured_truth import ENDINGS, TOOLS, truths_of
from tests.examples import PROFILE

settings.load_profile(PROFILE)
ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items):
    """Tests marked `root` are skipped for anyone else."""
    if os.geteuid() == 0:
        return
    for item in items:
        if "root" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the service user may reach: pytest's own are closed to everyone else."""
    made = Path(tempfile.mkdtemp(prefix="fhb-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures beside the checkout; without it, tests build their own with scapy."""
    folder = Path(os.environ.get("FLOWHERD_CAPTURES", ROOT.parent / "shared" / "pcaps"))
    if not folder.is_dir():
        pytest.skip("no captures beside the checkout")
    return folder


@pytest.fixture(scope="session")
def every_capture(captures) -> list[Path]:
    """All captures, for tests that hold them against tshark."""
    if not (TOOLS / "truth.py").is_file() or not shutil.which("tshark"):
        pytest.skip("no tools to derive the truth with, or no tshark")
    return sorted(path for path in captures.rglob("*") if path.name.endswith(ENDINGS))


@pytest.fixture(scope="session")
def truths(every_capture, pytestconfig):
    """Per capture what tshark says of it; derived once, kept in pytest's cache."""
    return truths_of(every_capture, Path(pytestconfig.cache.mkdir("flow-truth")))
