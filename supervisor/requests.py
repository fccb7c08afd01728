"""What may be asked of a running flowherd: reload and restart, by the control socket or a signal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import FlowherdError
from shared.logs import Log
from shared.settings import Settings
from supervisor import changes, mistakes
from supervisor.commission import Commission
from supervisor.guard import Limits
from supervisor.herd import Herd
from supervisor.lifecycle import State
from supervisor.muster import Muster
from supervisor.outbound import Exporter

NOTHING = "nothing has changed"


@dataclass(slots=True)
class Requests:
    """`read` reads the settings anew, as the command line, the environment and the file are now."""

    settings: Settings
    read: Callable[[], Settings]
    commission: Commission
    muster: Muster
    herd: Herd
    exporter: Exporter
    limits: Limits
    log: Log

    def answer(self, request: Mapping[str, Any]) -> list[str]:
        """One line for each thing done."""
        match request:
            case {"do": "reload"}:
                return self.reload()
            case {"do": "restart", "interface": str(name)}:
                return self.restart(name)
        raise FlowherdError("no such request; there are status, reload and restart with an interface")

    def reload(self) -> list[str]:
        """Everything is looked at before anything is changed; FlowherdError: nothing was."""
        try:
            changed = changes.of(self.settings, self.read())
            mistakes.check(changed.settings)
            orders = self.commission.orders(changed.settings, top=self.exporter.orders.top)
        except (FlowherdError, OSError) as error:
            self._say_not_reloaded(error)
            raise
        self.settings = changed.settings
        lines = [*changed.lines(), *self.muster.adopt(self.settings)]
        self.limits.memory_mib = self.settings.memory_mib
        if self.exporter.begin_anew(orders):
            lines.append("exporter: starts anew, what is pending waits in the spool")
        self.log.info("reloaded", what="; ".join(lines) or NOTHING)
        notes = self.muster.unmatched()
        for sentence in notes:
            self.log.warning(sentence)
        return [*(lines or [NOTHING]), *notes]

    def _say_not_reloaded(self, error: Exception) -> None:
        self.log.error("not reloaded, all is as before", why=error)

    def tidy(self) -> None:
        """Close the files of sinks that are gone, once the exporter works by its new orders."""
        if self.exporter.is_content:
            self.commission.keep_only(self.exporter.orders.sinks)

    def restart(self, name: str) -> list[str]:
        """Another worker for an interface, whatever became of those before it."""
        post = self.herd.posts.get(name)
        if post is None:
            return [self._again(name)]
        if post.leaving:
            raise FlowherdError(f"{name} is being left: {post.leaving}")
        self.log.info("told to restart", interface=name)
        if post.life.state is State.FATAL:  # it may be its table that ends every worker
            self.muster.refit.renew(post, "told to restart")
            return [f"{name}: {changes.WORDS[changes.Step.TABLE]}"]
        self.herd.replace(post, "told to restart")
        return [f"{name}: {changes.WORDS[changes.Step.WORKER]}"]

    def _again(self, name: str) -> str:
        """No worker: what can be said about that, or done."""
        if self.muster.try_again(name):
            return f"{name}: tried again"
        choice = next((choice for choice in self.muster.choices if choice.link.name == name), None)
        if choice:
            raise FlowherdError(f"{name} is not watched now: {choice.reason}")
        there = ", ".join(self.herd.posts) or "none"
        raise FlowherdError(f"interface {name}: there is none of that name; watched are {there}")
