"""The command line: verbs, and one declaration for flags, environment and TOML (cyclopts over shared/settings.py)."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, get_type_hints

from cyclopts import App, CycloptsError, Parameter, Token
from cyclopts.config import Env

from shared.errors import Exit, FlowherdError, UsageError
from shared.logs import Log
from shared.settings import CaptureSettings, HostSettings, Settings
from supervisor import account, arguments

VERBS = ("run", "replay", "interfaces", "check", "status", "config", "version", "flows", "query")


@dataclass(frozen=True, slots=True)
class Common:
    """What every verb takes."""

    config: str = ""
    """configuration file; none: /etc/flowherd/flowherd.toml if there is one"""
    verbose: Annotated[int, Parameter(name=["--verbose", "-v"], count=True, negative=())] = 0
    """say more; -vv: still more"""


@dataclass(slots=True)
class Origins:
    """Where each setting came from, noted while the command line is read."""

    file: arguments.File = field(default_factory=arguments.File)
    of: dict[str, str] = field(default_factory=dict)

    def add_file(self, _app: App, _commands: tuple[str, ...], given: Any) -> None:  # noqa: ANN401 cyclopts' collection
        """cyclopts' hook: the TOML file's keys stand in for flags nobody gave; then note who won."""
        by_name = {argument.keys[-1]: argument for argument in given if argument.keys}
        path = by_name["config"].tokens[0].value if "config" in by_name and by_name["config"].tokens else ""
        self.file = arguments.read_file(path)
        for key, value in self.file.keys.items():
            if key in by_name and not by_name[key].tokens:
                for index, word in enumerate(arguments.as_words(value)):
                    by_name[key].append(Token(keyword=key, value=word, source=self.file.path, index=index))
        self.of = {name: argument.tokens[0].source for name, argument in by_name.items() if argument.tokens}

    def settings(self, host: HostSettings, capture: CaptureSettings) -> Settings:
        """Everything together, tables per interface laid over."""
        plain = {item.name: getattr(host, item.name) for item in fields(HostSettings)}
        settings = account.homely(Settings(**plain, defaults=capture), frozenset(self.of))
        settings = arguments.with_tables(settings, self.file, self.of)
        arguments.check_values(settings)
        return settings


ORIGINS = Origins()
Flat = Parameter(name="*")
HostFlags = Annotated[HostSettings, Flat]
CaptureFlags = Annotated[CaptureSettings, Flat]
CommonFlags = Annotated[Common, Flat]
HOST, CAPTURE, COMMON = HostSettings(), CaptureSettings(), Common()

app = App(
    name="flowherd",
    help="A host flow agent: packets of every NIC become biflow records, kept locally or exported.",
    version_flags=["--version"],
    config=[Env(arguments.ENVIRONMENT, command=False), ORIGINS.add_file],
    default_parameter=Parameter(negative_iterable=(), negative_none=()),
    result_action="return_value",
)


def _log(common: Common) -> Log:
    return Log("supervisor", "debug" if common.verbose else "info")


@app.command
def run(*, host: HostFlags = HOST, capture: CaptureFlags = CAPTURE, common: CommonFlags = COMMON) -> int:
    """Watch every NIC, or those named, until told to stop. This is what `flowherd` alone does."""
    from supervisor.service import run as serve

    return serve(ORIGINS.settings(host, capture), _log(common))


app.default(run)


@app.command
def replay(
    *captures: str, host: HostFlags = HOST, capture: CaptureFlags = CAPTURE, common: CommonFlags = COMMON
) -> int:
    """Turn capture files into records, one after the other."""
    from supervisor.replay import replay as start

    if not captures:
        raise UsageError("replay: name at least one capture file")
    return start(ORIGINS.settings(host, capture), captures, _log(common))


@app.command
def version() -> int:
    """Print the version."""
    from importlib.metadata import version as version_of

    print(f"flowherd {version_of('flowherd')}")
    return Exit.DONE


def hoisted(words: Sequence[str]) -> list[str]:
    """The same words with the verb in front, so that options may stand before or after it; `run` when there is none."""
    index = 0
    while index < len(words):
        word = words[index]
        if word in VERBS:
            return [word, *words[:index], *words[index + 1 :]]
        if word in {"--help", "-h", "--version"} and not any(other in VERBS for other in words):
            return [word]
        if word == "--" or not word.startswith("-"):
            break
        index += 2 if _takes_value(word) else 1
    return ["run", *words]


def _takes_value(word: str) -> bool:
    if not word.startswith("--"):
        return len(word) == 2 and word not in {"-v", "-h"}
    hints = get_type_hints(HostSettings) | get_type_hints(CaptureSettings)
    switches = {name for name, hint in hints.items() if hint is bool} | {"verbose", "json", "help"}
    name = word[2:].replace("-", "_")
    return "=" not in word and name not in switches and name.removeprefix("no_") not in switches


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb; every mistake a user can make ends in one sentence."""
    words = sys.argv[1:] if words is None else words
    try:
        return int(app(hoisted(words), exit_on_error=False, print_error=False) or 0)
    except CycloptsError as error:
        return _refuse(_sentence(error), _code_of(error))
    except FlowherdError as error:
        return _refuse(str(error), error.code)
    except KeyboardInterrupt:
        return Exit.FAILURE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILURE


def _refuse(sentence: str, code: int) -> int:
    print(f"flowherd: {sentence}", file=sys.stderr)
    return code


def _sentence(error: CycloptsError) -> str:
    text = " ".join(str(error).split())
    return text[:1].lower() + text[1:]


def _code_of(error: CycloptsError) -> int:
    """A bad value from the environment or the file is configuration; on the command line it is usage."""
    token = getattr(error, "token", None)
    return Exit.USAGE if token is None or token.source in {"", "cli"} else Exit.CONFIGURATION
