"""A certificate authority of our own."""

import pytest

from tests.kentik import authority as made


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The file to trust, and a context for a server called localhost."""
    one = made.authority(tmp_path_factory.mktemp("ca"))
    return str(one.certificate), one.context
