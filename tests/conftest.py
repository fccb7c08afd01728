"""What all tests share: who may run, and where captures are found."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items):
    """Tests marked `root` are skipped for anyone else."""
    if os.geteuid() == 0:
        return
    for item in items:
        if "root" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures beside the checkout; without it, tests build their own with scapy."""
    folder = Path(os.environ.get("FLOWHERD_CAPTURES", ROOT.parent / "shared" / "pcaps"))
    if not folder.is_dir():
        pytest.skip("no captures beside the checkout")
    return folder
