"""flowherd with no more capabilities than its unit leaves it: it captures, replaces a worker, stores and drains."""

import os
import shutil
import signal

import pytest

from shared import manifest
from supervisor.account import service_account
from tests.system import host
from tests.system.host import flowherd, until, wire

CAPABILITIES = ("net_raw", "net_admin", "setuid", "setgid", "chown", "fowner", "kill")
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("setpriv"), reason="no setpriv"),
]


@pytest.fixture
def limited(monkeypatch):
    bounds = ",".join(["-all", *(f"+{name}" for name in CAPABILITIES)])
    monkeypatch.setattr(
        host, "FLOWHERD", ("setpriv", "--bounding-set", bounds, "--no-new-privs", *host.FLOWHERD)
    )


def test_a_life_with_the_units_capabilities(folder, limited):
    """The spool is there before, and the service user's, as at every start but the first."""
    spool = folder / "state/spool"
    spool.mkdir(parents=True)
    who = service_account("flowherd")
    os.chown(spool, who.uid, who.gid)
    with wire() as place, flowherd(place, folder, sink="store") as live:
        pid = live.capturing()
        os.kill(pid, signal.SIGKILL)
        until(lambda: live.counters().get("pid") != pid, "a successor")
        live.stop()
    assert manifest.read(folder / "state/store").cursors
    assert spool.stat().st_mode & 0o777 == 0o700
