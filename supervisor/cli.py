"""The command line: one function for each verb; in `main` every mistake of a user ends in one sentence."""

# ruff: noqa: ARG001 every verb takes --config and -v; the hook that reads the file sees them

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as version_of
from typing import Annotated

from cyclopts import App, CoercionError, CycloptsError, Parameter, UnusedCliTokensError

from shared import logs
from shared.errors import ConfigurationError, Exit, FlowherdError, UsageError
from shared.logs import Log
from shared.settings import CaptureSettings, HostSettings, KentikSettings, Settings
from supervisor import arguments, credentials, descriptors, manual
from supervisor.flags import (
    CAPTURE,
    COMMON,
    HOST,
    KENTIK,
    LIVE_ONLY,
    ORIGINS,
    STORE,
    VERBS,
    CaptureFlags,
    Common,
    CommonFlags,
    FileCaptureFlags,
    FileHostFlags,
    HostFlags,
    KentikFlags,
    Store,
    StoreFlags,
    bad_word,
    hoisted,
    store_dir,
)
from supervisor.variables import Variables

app = App(
    name="flowherd",
    help="A host flow agent: packets of every NIC become biflow records, kept locally or exported.",
    version_flags=("--version", "-V"),
    version=lambda: f"flowherd {version_of('flowherd')}",
    config=[Variables(credentials.ENVIRONMENT, command=False), ORIGINS.add_file],
    default_parameter=Parameter(negative_iterable=(), negative_none=(), show_default=manual.default),
    result_action="return_value",
)
Make = Callable[[HostSettings, CaptureSettings, KentikSettings], Settings]
Nic = Annotated[str, Parameter(show_env_var=False, help="its name, as `flowherd status` shows it")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="print JSON")]
Mirror = Annotated[
    bool, Parameter(negative=(), help="packets come wrapped, as a Juniper router mirrors them")
]
Ports = Annotated[tuple[int, ...], Parameter(help="of RADIUS, instead of 1812 and 1813; may be repeated")]
Captures = Annotated[str, Parameter(show_env_var=False)]
FILES_WHOLE = "is for live capture; capture files are read whole"
Words = Annotated[str, Parameter(allow_leading_hyphen=True, help="as `flowherd VERB --help` says")]


def _log(common: Common) -> Log:
    return Log("supervisor", ("info", "debug", "trace")[min(common.verbose, 2)])


@app.default  # for `flowherd --help`: its options stand there beside the verbs
@app.command
def run(
    *,
    host: HostFlags = HOST,
    capture: CaptureFlags = CAPTURE,
    kentik: KentikFlags = KENTIK,
    common: CommonFlags = COMMON,
) -> int:
    """Watch every NIC, or those named, until told to stop. `flowherd` alone does this too."""
    from supervisor.service import run as serve

    settings = ORIGINS.settings(host, capture, kentik)
    return serve(settings, _log(common), _reading(ORIGINS.settings))


@app.command
def replay(
    *captures: Captures,
    host: FileHostFlags = HOST,
    capture: FileCaptureFlags = CAPTURE,
    kentik: KentikFlags = KENTIK,
    common: CommonFlags = COMMON,
) -> int:
    """Turn capture files into records, one after the other."""
    from supervisor.replay import replay as start

    if not captures:
        raise UsageError("replay: name at least one capture file")
    ORIGINS.refuse_flags(LIVE_ONLY, "replay", FILES_WHOLE)
    if capture.sample == "auto":
        ORIGINS.refuse_flags(
            ("sample",), "replay", "auto is for live capture; a replay waits, give it a number"
        )
    settings = ORIGINS.settings(host, capture, kentik)
    return start(settings, captures, _log(common))


@app.command
def dns(
    *captures: Captures,
    juniper_mirror: Mirror = False,
    host: HostFlags = HOST,
    capture: CaptureFlags = CAPTURE,
    kentik: KentikFlags = KENTIK,
    common: CommonFlags = COMMON,
) -> int:
    """Send DNS answers to Kentik instead of flows: of every NIC, or of capture files."""
    from supervisor.modes import in_mode

    _check_mode("dns", captures)

    def make(host: HostSettings, capture: CaptureSettings, kentik: KentikSettings) -> Settings:
        return in_mode(ORIGINS.settings(host, capture, kentik), "dns", mirror=juniper_mirror)

    return _send(make(host, capture, kentik), captures, common, make)


@app.command
def radius(
    *captures: Captures,
    ports: Ports = (),
    host: HostFlags = HOST,
    capture: CaptureFlags = CAPTURE,
    kentik: KentikFlags = KENTIK,
    common: CommonFlags = COMMON,
) -> int:
    """Tell Kentik users' addresses, by RADIUS accounting, instead of flows: of every NIC, or of capture files."""
    from supervisor.modes import in_mode

    _check_mode("radius", captures)
    arguments.check_ports("ports", ports)

    def make(host: HostSettings, capture: CaptureSettings, kentik: KentikSettings) -> Settings:
        return in_mode(ORIGINS.settings(host, capture, kentik), "radius", ports=ports)

    return _send(make(host, capture, kentik), captures, common, make)


def _check_mode(verb: str, captures: Sequence[str]) -> None:
    """What such a run could only ignore is a mistake."""
    if {"dns", "radius"} & set(captures):
        raise UsageError("dns and radius are two modes: start a flowherd for each")
    ORIGINS.refuse_flags(("sink",), verb, f"is for flows; what {verb} sends goes to Kentik alone")
    if captures:
        ORIGINS.refuse_flags(LIVE_ONLY, verb, FILES_WHOLE)


def _send(settings: Settings, captures: tuple[str, ...], common: Common, make: Make) -> int:
    """From the NICs, or from files."""
    if captures:
        from supervisor.replay import replay as start

        return start(settings, captures, _log(common))
    from supervisor.service import run as serve

    return serve(settings, _log(common), _reading(make))


def _reading(make: Make) -> Callable[[], Settings]:
    """Settings as the same words, the same environment and the file as it is by then would have them."""

    def read() -> Settings:
        with credentials.recalled():
            try:
                bound = app.parse_args(ORIGINS.words, exit_on_error=False, print_error=False)[1]
            except CycloptsError as error:
                raise ConfigurationError(_sentence(error)) from error
            given = bound.arguments
            return make(given.get("host", HOST), given.get("capture", CAPTURE), given.get("kentik", KENTIK))

    return read


@app.command
def interfaces(
    *,
    json: Json = False,
    host: HostFlags = HOST,
    capture: CaptureFlags = CAPTURE,
    common: CommonFlags = COMMON,
) -> int:
    """Show each NIC: watched or not and why, role, speed, driver, NUMA node, core."""
    from supervisor.cli_views import show_interfaces

    return show_interfaces(ORIGINS.settings(host, capture), as_json=json)


@app.command
def check(
    *,
    json: Json = False,
    host: HostFlags = HOST,
    capture: CaptureFlags = CAPTURE,
    kentik: KentikFlags = KENTIK,
    common: CommonFlags = COMMON,
) -> int:
    """Look at settings and host before anything is started."""
    from supervisor.cli_views import show_check

    return show_check(ORIGINS.settings(host, capture, kentik), as_json=json)


@app.command
def status(*, json: Json = False, host: HostFlags = HOST, common: CommonFlags = COMMON) -> int:
    """Ask the running flowherd how it is."""
    from supervisor.cli_views import show_status

    return show_status(ORIGINS.places(host).runtime_dir, ORIGINS.mistake, as_json=json)


@app.command
def reload(*, host: HostFlags = HOST, common: CommonFlags = COMMON) -> int:
    """Have the running flowherd read its settings again; it says what it does about what has changed."""
    from supervisor.cli_views import show_done

    return show_done(ORIGINS.places(host).runtime_dir, {"do": "reload"}, ORIGINS.mistake)


@app.command
def restart(nic: Nic, /, *, host: HostFlags = HOST, common: CommonFlags = COMMON) -> int:
    """Have the running flowherd start another worker for an interface, also for one that was given up."""
    from supervisor.cli_views import show_done

    asked = {"do": "restart", "interface": nic}
    return show_done(ORIGINS.places(host).runtime_dir, asked, ORIGINS.mistake)


@app.command
def config(
    *,
    host: HostFlags = HOST,
    capture: CaptureFlags = CAPTURE,
    kentik: KentikFlags = KENTIK,
    common: CommonFlags = COMMON,
) -> int:
    """Print the effective settings and where each came from."""
    from supervisor.cli_views import show_config

    return show_config(ORIGINS.settings(host, capture, kentik), ORIGINS)


@app.command(help_flags=())
def flows(*words: Words, store: Store = STORE, common: CommonFlags = COMMON) -> int:
    """Show recent records from the store."""
    return _console("flows", store, words)


@app.command(help_flags=())
def query(*words: Words, store: Store = STORE, common: CommonFlags = COMMON) -> int:
    """Answer a question in SQL from the store."""
    return _console("query", store, words)


def _console(verb: str, store: StoreFlags, words: Sequence[str]) -> int:
    """The console has its own flags and imports DuckDB: it takes over this process."""
    settings = ORIGINS.places(HostSettings(state_dir=store.state_dir, sink=store.sink))
    arguments.check_values(settings)
    place = store_dir(settings)
    os.execv(  # noqa: S606 our own package, our own interpreter
        sys.executable, [sys.executable, "-I", "-m", "console", verb, "--store", place, *words]
    )


@app.command(help_flags=())
def proxy(*words: Words) -> int:
    """Stand in for kproxy: a forward HTTP proxy through which many hosts' agents reach Kentik."""
    credentials.forget()
    os.execv(sys.executable, [sys.executable, "-I", "-m", "proxy", *words])  # noqa: S606 as above


@app.command
def version() -> int:
    """Print the version."""
    print(f"flowherd {version_of('flowherd')}")
    return Exit.DONE


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb; every mistake a user can make ends in one sentence."""
    ORIGINS.words = hoisted(sys.argv[1:] if words is None else words)
    descriptors.make_good()
    credentials.adopt()
    try:
        code = int(app(ORIGINS.words, exit_on_error=False, print_error=False) or 0)
        if sys.stdout is not None:
            sys.stdout.flush()
    except CycloptsError as error:
        is_value = isinstance(error, CoercionError)
        return _refuse(_sentence(error), Exit.CONFIGURATION if is_value else Exit.USAGE)
    except FlowherdError as error:
        return _refuse(str(error), error.code)
    except KeyboardInterrupt:
        return Exit.FAILURE
    except OSError as error:
        return _host_failed(error)
    return code


def _host_failed(error: OSError) -> int:
    """A full disk behind stdout, no descriptors left: a sentence; a reader that has seen enough: none."""
    os.close(1)
    os.open(os.devnull, os.O_WRONLY)  # the lowest free, 1 again: what is still buffered goes there at exit
    if isinstance(error, BrokenPipeError):
        return Exit.FAILURE
    where = f"{error.filename}: " if error.filename else ""
    return _refuse(f"{where}{error.strerror or error}", Exit.FAILURE)


def _refuse(sentence: str, code: int) -> int:
    logs.say(sentence, "error")
    return code


def _sentence(error: CycloptsError) -> str:
    if isinstance(error, UnusedCliTokensError):
        word = str((error.unused_tokens or [""])[0])
        near = difflib.get_close_matches(word, VERBS, n=1)
        if ORIGINS.words[0] != "run" and not near:
            verb = ORIGINS.words[0]
            return f"{verb}: {word!r} is a word too many; `flowherd {verb} --help` says what it takes"
        return f"no verb {word!r}; " + (f"did you mean {near[0]}?" if near else "`flowherd --help` lists all")
    if isinstance(error, CoercionError) and error.token and error.target_type:
        return bad_word(error.token, error.target_type)
    text = " ".join(str(error).split())
    return text[:1].lower() + text[1:]
