"""The environment: `FLOWHERD_…` by exact name stands in for a flag; what is no setting's is said, once."""

import difflib
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cyclopts import Token
from cyclopts.config import Env

from shared import environment
from shared.errors import ConfigurationError
from supervisor import arguments
from supervisor.credentials import ENVIRONMENT as PREFIX

if TYPE_CHECKING:
    from cyclopts import App
    from cyclopts.argument import ArgumentCollection

OF_VERBS = frozenset({"config", "verbose", "json", "juniper_mirror", "ports"})
OF_TESTS = frozenset(PREFIX + name for name in ("CHECK_BOUNDS", "EXAMPLES", "CAPTURES", "TRUTH_TOOLS"))


class Variables(Env):
    """A hook of cyclopts': a flag that nobody gave takes its variable's value. What stands without a flag has none."""

    def __call__(self, _app: "App", _commands: tuple[str, ...], arguments: "ArgumentCollection") -> None:
        """Lists are split at white space."""
        for argument in arguments:
            if not argument.name.startswith("--") or argument.tokens:
                continue
            variable = given(argument.name.lstrip("-").replace("-", "_"))
            for index, word in enumerate(argument.env_var_split(os.environ[variable]) if variable else ()):
                argument.append(Token(keyword=variable, value=word, source=self.source, index=index))


def given(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The variable that says a setting: its flag's name, or the one a list has in the file; empty: none does."""
    there = [spelling for spelling in _spellings(name) if spelling in environ]
    if len(there) > 1:
        raise ConfigurationError(f"{' and '.join(there)} say the same setting; unset one of them")
    return there[0] if there else ""


def _spellings(name: str) -> list[str]:
    """`FLOWHERD_INTERFACE`, `FLOWHERD_INTERFACES`."""
    return [PREFIX + spelling.upper() for spelling in dict.fromkeys((name, arguments.key_of(name)))]


def ignored(environ: Mapping[str, str] = os.environ) -> str:
    """One sentence about all variables that look like ours and are no setting's; empty: there are none."""
    names = {*arguments.all_hints(), *OF_VERBS}
    known = {spelling for name in names for spelling in _spellings(name)}
    others = sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known | OF_TESTS | {*environment.WAITS}
    )
    told = ", ".join(name + _near(name, known) for name in others)
    return f"not heeded, for no setting has the name: {told}" if told else ""


def _near(name: str, known: Iterable[str]) -> str:
    """A switch's opposite is the same variable: nothing is as near."""
    word, words = name.removeprefix(PREFIX).upper(), sorted(each.removeprefix(PREFIX) for each in known)
    if word.startswith("NO_") and word.removeprefix("NO_") in words:
        return f" (say {PREFIX}{word.removeprefix('NO_')}=false)"
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.7)
    return f" (did you mean {PREFIX}{near[0]}?)" if near else ""
