"""Who we are here: rights, the service user, the names of our packages, and whether a flowherd runs already."""

import importlib.metadata
import os
from collections.abc import Iterator

from shared.errors import ConfigurationError, FlowherdError
from shared.settings import Settings
from supervisor import account, control, lock, premises
from supervisor.checks.finding import Finding, failed, ok, warning

PACKAGES = ("supervisor", "worker", "exporter", "console", "proxy", "shared")
DISTRIBUTION = "flowherd"


def rights(_settings: Settings) -> Iterator[Finding]:
    """Only root captures."""
    if os.geteuid() == 0:
        yield ok("rights", "root: interfaces can be captured")
    else:
        yield failed("rights", "not root: nothing can be captured; replay works", "sudo flowherd check")


def user(settings: Settings) -> Iterator[Finding]:
    """Whom those run as who read packets."""
    who = account.service_account(settings.user)
    if who.warning:
        what, _, _remedy = who.warning.partition("; ")
        yield warning("user", what, f"useradd --system --no-create-home {settings.user}")
    else:
        yield ok("user", f"workers and exporter run as {who.user}")


def packages(_settings: Settings) -> Iterator[Finding]:
    """PyPI has distributions that bring packages of our names."""
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        others = sorted(set(owners.get(package, [])) - {DISTRIBUTION})
        if others:
            what = f"{' and '.join(others)} also brings a package called {package}"
            yield failed("packages", what, "install flowherd into a .venv of its own")
            return
    yield ok("packages", f"{', '.join(PACKAGES)} are ours alone")


def running(settings: Settings) -> Iterator[Finding]:
    """Another one is no fault, but a second needs folders of its own."""
    try:
        answer = control.ask(settings.runtime_dir, {"do": "status"})
    except ConfigurationError as error:
        yield failed("running", str(error), "--runtime-dir DIR", error.code)
        return
    except FlowherdError as error:
        if pid := lock.holder(premises.state_lock(settings)):
            yield failed("running", premises.used_by(settings, pid), "--state-dir DIR")
        elif "no flowherd is running" in str(error):
            yield ok("running", f"no flowherd runs in {settings.runtime_dir} yet")
        else:
            yield warning("running", str(error), "flowherd status, as root")
        return
    what = f"a flowherd runs in {settings.runtime_dir}: pid {answer.get('pid')}, up {answer.get('up_s', 0):,.0f} s"
    yield ok("running", what, "a second one needs its own --runtime-dir, --state-dir and interfaces")
