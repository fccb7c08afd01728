"""A folder that the service user may reach: pytest's own are closed to everyone else."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="fhb-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)
