"""`flowherd check`: settings and host looked at before anything starts; each finding has a remedy."""

import importlib.metadata
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.errors import ConfigurationError, Exit, FlowherdError
from shared.settings import Settings
from supervisor import account, bpf, inventory, roster, sinks
from supervisor.roster import Choice

PACKAGES = ("supervisor", "worker", "exporter", "console", "proxy", "shared")
DISTRIBUTION = "flowherd"
Grade = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    grade: Grade
    what: str
    code: int = Exit.DONE


def examine(settings: Settings) -> list[Finding]:
    """Everything, whatever fails on the way."""
    return [finding for look in LOOKS for finding in _safely(look, settings)]


def exit_code(findings: list[Finding]) -> int:
    """The worst of them: configuration before failure."""
    codes = {finding.code for finding in findings}
    return max(codes, default=Exit.DONE)


def _safely(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except FlowherdError as error:
        yield Finding("failed", str(error), error.code)


def _rights(_settings: Settings) -> Iterator[Finding]:
    if os.geteuid() == 0:
        yield Finding("ok", "root: interfaces can be captured")
    else:
        yield Finding("failed", "not root: `flowherd` needs sudo to capture; replay works", Exit.FAILURE)


def _names(_settings: Settings) -> Iterator[Finding]:
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        others = sorted(set(owners.get(package, [])) - {DISTRIBUTION})
        if others:
            theirs = f"{' and '.join(others)} also brings a package called {package}"
            what = f"{theirs}; install flowherd into its own .venv"
            yield Finding("failed", what, Exit.FAILURE)
            return
    yield Finding("ok", f"packages {', '.join(PACKAGES)} are ours alone")


def _user(settings: Settings) -> Iterator[Finding]:
    who = account.service_account(settings.user)
    yield (
        Finding("warning", who.warning)
        if who.warning
        else Finding("ok", f"workers and exporter run as {who.user}")
    )


def _folders(settings: Settings) -> Iterator[Finding]:
    for name in ("state_dir", "runtime_dir", "cache_dir"):
        path = Path(getattr(settings, name))
        nearest = next(parent for parent in (path, *path.parents) if parent.exists())
        if os.access(nearest, os.W_OK | os.X_OK):
            yield Finding("ok", f"{name}: {path}" + ("" if nearest == path else " (will be made)"))
        else:
            yield Finding("failed", f"{name}: {path} cannot be written by us", Exit.FAILURE)


def _sinks(settings: Settings) -> Iterator[Finding]:
    chosen = sinks.of(settings, str(Path.cwd()))
    for sink in chosen:
        yield Finding(
            "ok", f"sink {sink.name}" + (f" → {sink.target}" if sink.target not in {"", "-"} else "")
        )


def _interfaces(settings: Settings) -> Iterator[Finding]:
    links = inventory.read_links()
    roster.check_names(settings.interface, links)
    chosen = [choice for choice in roster.choose(settings.interface, links) if choice.is_chosen]
    if not chosen:
        yield Finding("warning", "no interface would be watched; `flowherd interfaces` says why")
    for choice in chosen:
        yield _interface(choice, settings)
    for name in settings.per_interface.keys() - {link.name for link in links}:
        yield Finding("warning", f"interface.{name}: there is no such interface now")


def _interface(choice: Choice, settings: Settings) -> Finding:
    name, capture = choice.link.name, settings.capture_of(choice.link.name)
    if not capture.filter:
        return Finding("ok", f"interface {name}: {choice.reason}")
    if not choice.link.is_up:
        return Finding("warning", f"interface {name}: its filter can be compiled only while it is up")
    try:
        program = bpf.compile_filter(name, capture.filter, bpf.snaplen_of(capture, mirror=settings.mirror))
    except ConfigurationError as error:
        return Finding("failed", str(error), error.code)
    return Finding("ok", f"interface {name}: filter compiles to {len(program)} instructions")


LOOKS = (_rights, _names, _user, _folders, _sinks, _interfaces)
