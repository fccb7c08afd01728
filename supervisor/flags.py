"""The one declaration of flags, environment and TOML: cyclopts over the dataclasses of shared/settings.py."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter, Token

from shared import environment, logs
from shared.errors import ConfigurationError, FlowherdError, UsageError
from shared.log_forms import form_of
from shared.settings import CaptureSettings, HostSettings, KentikSettings, Settings
from supervisor import account, arguments, credentials, manual, sinks, values, variables

VERBS = (
    "run",
    "dns",
    "radius",
    "replay",
    "interfaces",
    "check",
    "status",
    "reload",
    "restart",
    "config",
    "version",
    "flows",
    "query",
    "proxy",
)
ASKING = frozenset({"status", "reload", "restart"})
PASSED_ON = ("flows", "query")
LIVE_ONLY = (
    "interface", "filter", "promisc", "snaplen", "capture", "ring_mib", "ring_least_mib", "core",
    "fanout_group", "fanout_mode", "cpus",
    "records_target", "sample_cpu", "sample_raise_s", "sample_lower_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Common:
    """What every verb takes."""

    config: Annotated[str, Parameter(group=manual.HOST)] = ""
    """configuration file; none: /etc/flowherd/flowherd.toml if there is one"""
    verbose: Annotated[int, Parameter(name=["--verbose", "-v"], count=True, negative=())] = 0
    """print verbose output; -vv: a line for every request to Kentik too"""


@dataclass(frozen=True, slots=True)
class StoreFlags:
    """What says where the store is."""

    state_dir: str = HostSettings().state_dir
    """store and spool"""
    sink: tuple[str, ...] = HostSettings().sink
    """the sinks flowherd runs with; the first store among them is read"""


KENTIK = KentikSettings()


@dataclass(slots=True)
class Origins:
    """Where each setting came from, noted while the command line is read."""

    file: arguments.File = field(default_factory=arguments.File)
    of: dict[str, str] = field(default_factory=dict)
    mistake: FlowherdError | None = None
    words: list[str] = field(default_factory=list)
    has_begun: bool = False

    def add_file(self, _app: App, commands: tuple[str, ...], given: Any) -> None:  # noqa: ANN401 cyclopts' collection
        """A hook of cyclopts': the TOML file's keys stand in for flags nobody gave; then note who won."""
        by_name = {argument.keys[-1]: argument for argument in given if argument.keys}
        path = by_name["config"].tokens[0].value if "config" in by_name and by_name["config"].tokens else ""
        _check_words(given)
        self.file = self._read(path, is_needed=ASKING.isdisjoint(commands))
        for key, value in self.file.keys.items():
            if key in by_name and not by_name[key].tokens:
                for index, word in enumerate(arguments.as_words(value)):
                    by_name[key].append(Token(keyword=key, value=word, source=self.file.path, index=index))
        self.of = {name: argument.tokens[0].source for name, argument in by_name.items() if argument.tokens}

    def _read(self, path: str, *, is_needed: bool) -> arguments.File:
        """Who only asks a running flowherd gets its answer in spite of a mistake in the file."""
        try:
            return arguments.read_file(path)
        except FlowherdError as error:
            if is_needed:
                raise
            self.mistake = error
            return arguments.File()

    def refuse_flags(self, names: Sequence[str], verb: str, why: str) -> None:
        """A flag that a verb cannot heed is a mistake; in the file or the environment it is for others."""
        for name in names:
            if self.of.get(name) == "cli":
                raise UsageError(f"{verb}: --{name.replace('_', '-')} {why}")

    def settings(
        self, host: HostSettings, capture: CaptureSettings, kentik: KentikSettings = KENTIK
    ) -> Settings:
        """Everything together, tables per interface laid over."""
        credentials.forget()
        environment.check()
        kentik, capture = KentikSettings(**_plain(kentik)), CaptureSettings(**_plain(capture))
        settings = Settings(**_plain(host), kentik=kentik, defaults=capture)
        settings = account.homely(settings, frozenset(self.of))
        settings = arguments.with_tables(settings, self.file, self.of)
        arguments.check_target(settings, self.file, self.of)
        arguments.check_values(settings)
        self._begin(settings)
        return settings

    def _begin(self, settings: Settings) -> None:
        """Once: how lines are written is for good, and so is the environment."""
        if not self.has_begun:
            self.has_begun = True
            logs.use(form_of(settings.log_format))
            if sentence := variables.ignored():
                logs.say(sentence, "warning")

    def places(self, host: HostSettings) -> Settings:
        """All that a verb which asks needs to know: mistakes elsewhere are for the one who is asked to find."""
        credentials.forget()
        settings = account.homely(Settings(**_plain(host)), frozenset(self.of))
        self._begin(settings)
        return settings


def _check_words(given: Any) -> None:  # noqa: ANN401 cyclopts' collection
    """A word that is not what its setting takes, in the same sentence as in the file: cyclopts would round 1.5."""
    for argument in given:
        for token in argument.tokens:
            if token.keyword and token.value and not values.word_fits(token.value, argument.hint):
                raise ConfigurationError(bad_word(token, argument.hint))


def bad_word(token: Token, hint: Any) -> str:  # noqa: ANN401 type hints have no type of their own
    """What is said of it."""
    return values.refusal(str(token.keyword), token.value, values.item_of(hint))


def _plain(settings: HostSettings | CaptureSettings | KentikSettings) -> dict[str, Any]:
    """Its values, for the type without cyclopts' groups."""
    return {item.name: getattr(settings, item.name) for item in fields(settings)}


def store_dir(settings: Settings) -> str:
    """The store that is read: the first among the sinks; for a user without one, the service's."""
    own = f"{settings.state_dir}/store"
    chosen = [sink for sink in sinks.parse(settings.sink, own, str(Path.cwd())) if sink.kind == "store"]
    place = chosen[0].target if chosen else own
    if place == own and os.geteuid() and not Path(own).exists():
        return f"{HostSettings().state_dir}/store"
    return place


ORIGINS = Origins()
Flat = Parameter(name="*")
if TYPE_CHECKING:
    HostFlags = Annotated[HostSettings, Flat]
    CaptureFlags = Annotated[CaptureSettings, Flat]
    KentikFlags = Annotated[KentikSettings, Flat]
    FileHostFlags = Annotated[HostSettings, Flat]
    FileCaptureFlags = Annotated[CaptureSettings, Flat]
else:
    HostFlags = Annotated[manual.grouped(HostSettings), Parameter(name="*", group=manual.HOST)]
    CaptureFlags = Annotated[manual.grouped(CaptureSettings), Parameter(name="*", group=manual.CAPTURE)]
    KentikFlags = Annotated[manual.grouped(KentikSettings), Parameter(name="*", group=manual.HOST)]
    FileHostFlags = Annotated[manual.grouped(HostSettings, LIVE_ONLY), Parameter(name="*", group=manual.HOST)]
    FileCaptureFlags = Annotated[
        manual.grouped(CaptureSettings, LIVE_ONLY), Parameter(name="*", group=manual.CAPTURE)
    ]
CommonFlags = Annotated[Common, Parameter(name="*", group=manual.PRINTING)]
Store = Annotated[StoreFlags, Flat]
HOST, CAPTURE, COMMON, STORE = HostSettings(), CaptureSettings(), Common(), StoreFlags()


def hoisted(words: Sequence[str]) -> list[str]:
    """The words with the verb in front: options may stand on either side of it; `run` when there is none."""
    index = 0
    while index < len(words):
        word = words[index]
        if word == "proxy":
            return [word, "--", *words[:index], *words[index + 1 :]]  # kproxy's spelling is for it to read
        if word in VERBS:
            return [
                word,
                *_spelt(words[:index]),
                *(words[index + 1 :] if word in PASSED_ON else _spelt(words[index + 1 :])),
            ]
        if word in {"--version", "-V"}:
            return ["version"]
        if word in {"--help", "-h"} and not any(other in VERBS for other in words):
            return ["--help"]
        if word == "--" or not word.startswith("-"):
            break
        index += 2 if _takes_value(word) else 1
    return ["run", *_spelt(words)]


def _spelt(words: Sequence[str]) -> list[str]:
    """`-i` in full; shared settings know nothing of letters."""
    return [_in_full(word) if word.startswith("-i") else word for word in words]


def _in_full(word: str) -> str:
    """`-i`, `-i=eth0`, `-ieth0`."""
    name = word[2:].removeprefix("=")
    return f"--interface={name}" if name else "--interface"


def _takes_value(word: str) -> bool:
    if not word.startswith("--"):
        return len(word) == 2 and word not in {"-v", "-h"}
    hints = arguments.all_hints()
    switches = {name for name, hint in hints.items() if hint is bool} | {"verbose", "json", "help"}
    name = word[2:].replace("-", "_")
    return "=" not in word and name not in switches and name.removeprefix("no_") not in switches
