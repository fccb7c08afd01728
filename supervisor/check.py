"""`flowherd check`: settings and host looked at before anything starts; each finding has a remedy."""

from collections.abc import Callable, Iterator

from shared.errors import Exit, FlowherdError
from shared.settings import Settings
from supervisor.checks import host, kernel, nics, ours, places
from supervisor.checks.finding import Finding, failed
from supervisor.number import counted

Look = Callable[[Settings], Iterator[Finding]]
LOOKS: dict[str, Look] = {
    "rights": ours.rights,
    "running": ours.running,
    "user": ours.user,
    "packages": ours.packages,
    "kernel": kernel.capture,
    "tables": kernel.pages,
    "filters": kernel.filters,
    "sandbox": kernel.sandbox,
    "memory": host.room,
    "cores": host.cores,
    "clock": host.clock,
    "folders": places.folders,
    "sinks": places.sinks_of,
    "interfaces": nics.interfaces,
}


def examine(settings: Settings) -> list[Finding]:
    """Everything, whatever fails on the way."""
    return [finding for topic, look in LOOKS.items() for finding in _safely(topic, look, settings)]


def exit_code(findings: list[Finding]) -> int:
    """The worst of them: configuration before failure."""
    return max((finding.code for finding in findings), default=Exit.DONE)


def in_short(findings: list[Finding]) -> str:
    """One line at the end."""
    grades = [finding.grade for finding in findings]
    warnings, failures = grades.count("warning"), grades.count("failed")
    told = [counted(warnings, "warning")] * bool(warnings) + [f"{failures} failed"] * bool(failures)
    return f"{len(findings)} looked at: {', '.join(told) or 'all well'}"


def _safely(topic: str, look: Look, settings: Settings) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except FlowherdError as error:
        yield failed(topic, str(error), "", error.code)
    except OSError as error:
        yield failed(topic, f"could not be looked at: {error.strerror or error}", "")
