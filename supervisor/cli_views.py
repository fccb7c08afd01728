"""What the verbs that look and ask print on stdout: interfaces, check, status, reload, restart, config."""

import json
import os
import re
import sys
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any

from rich.console import Console
from rich.text import Text

from shared.errors import Exit, FlowherdError
from shared.interface_index import indices
from shared.settings import CaptureSettings, HostSettings, KentikSettings, Settings
from supervisor import check, control, credentials, live, mistakes, nic_table, variables
from supervisor.advice import advise
from supervisor.arguments import key_of
from supervisor.flags import Origins
from supervisor.placement import place
from supervisor.roster import Choice
from supervisor.snapshot import Row, Snapshot
from supervisor.topology import read_topology

PIPED_WIDTH = 1000
GRADES = {"ok": "green", "warning": "yellow", "failed": "red"}


def show_interfaces(settings: Settings, *, as_json: bool) -> int:
    """Every link with the decision on it."""
    choices = mistakes.choices_of(settings)
    chosen = [choice.link for choice in choices if choice.is_chosen]
    pinned = {link.name: settings.capture_of(link.name).core for link in chosen}
    topology = read_topology((link.name for link in chosen), settings.cpus)
    places = place(chosen, topology, {name: core for name, core in pinned.items() if core >= 0})
    macs = {choice.link.name: nic_table.mac_of(choice.link) for choice in choices}
    plan = nic_table.Plan(places, _granted(settings), indices(macs))
    if as_json:
        print(json.dumps([_as_map(choice, plan) for choice in choices], indent=2))
    else:
        console = _wide_console()
        console.print(nic_table.render(choices, plan, console.width))
        for sentence in advise(places, topology):
            print(sentence)
    return Exit.DONE


def _wide_console() -> Console:
    """A pipe has no width of its own and takes every line whole, unless COLUMNS says otherwise."""
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH)


def _granted(settings: Settings) -> dict[str, int | None]:
    """Of those that a running flowherd's workers capture now; without one, or without the right to ask, none."""
    with suppress(FlowherdError):
        rows = control.ask(settings.runtime_dir, {"do": "status"}).get("rows", [])
        return {row["name"]: row["core"] for row in rows if row["state"] == "running"}
    return {}


def _as_map(choice: Choice, plan: nic_table.Plan) -> dict[str, Any]:
    name = choice.link.name
    where = plan.places.get(name)
    decision = {"chosen": choice.is_chosen, "reason": choice.reason, "role": choice.role}
    core = {"core": where.core if where else None, "core_reason": where.reason if where else None}
    rest = {"core_granted": plan.granted.get(name), "index": plan.numbers.get(name)}
    return {"name": name} | decision | core | rest | {"link": asdict(choice.link)}


def show_check(settings: Settings, *, as_json: bool) -> int:
    """One line for each finding, what to do about it below; the worst is the exit code."""
    findings = check.examine(settings)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
        return check.exit_code(findings)
    console, topic = Console(soft_wrap=True, highlight=False), ""
    width = max(len(finding.topic) for finding in findings) + 2
    for finding in findings:
        shown = finding.topic if finding.topic != topic else ""
        topic = finding.topic
        grade = (f"{finding.grade:<9}", GRADES[finding.grade])
        console.print(Text.assemble((f"{shown:<{width}}", "bold"), grade, finding.what))
        if finding.remedy:
            console.print(
                Text.assemble(" " * (width + 9), ("→ ", GRADES[finding.grade]), (finding.remedy, "dim"))
            )
    console.print(Text(f"\n{check.in_short(findings)}", "bold"))
    return check.exit_code(findings)


def _ask(runtime_dir: str, request: dict[str, Any], mistake: FlowherdError | None) -> dict[str, Any]:
    """The running instance's answer; where there is none, a mistake in the file may be why."""
    try:
        return control.ask(runtime_dir, request)
    except control.NobodyError as error:
        raise mistake or error from error


def show_done(runtime_dir: str, request: dict[str, Any], mistake: FlowherdError | None) -> int:
    """What it did, line by line."""
    for line in _ask(runtime_dir, request, mistake)["done"]:
        print(line)
    return Exit.DONE


def show_status(runtime_dir: str, mistake: FlowherdError | None, *, as_json: bool) -> int:
    """The running instance's snapshot, as it shows it itself."""
    answer = _ask(runtime_dir, {"do": "status"}, mistake)
    if as_json:
        print(json.dumps(answer, indent=2))
        return Exit.DONE
    known = {item.name for item in fields(Snapshot)}
    shown = {name: value for name, value in answer.items() if name in known and name != "rows"}
    rows = tuple(Row(**row) for row in answer["rows"])
    console = Console()
    console.print(live.render(Snapshot(rows, **shown), console.width, note=f"pid {answer['pid']}"))
    return Exit.DONE


def show_config(settings: Settings, origins: Origins) -> int:
    """As a TOML file that would give the same, each line with where it came from."""
    parts: tuple[tuple[Any, Any], ...] = (
        (settings, HostSettings),
        (settings.kentik, KentikSettings),
        (settings.defaults, CaptureSettings),
    )
    for part, kind in parts:
        for item in fields(kind):
            line = f"{key_of(item.name)} = {_toml(_open(item.name, getattr(part, item.name)))}"
            print(f"{line:<44} # {_origin(item.name, origins)}")
    for name, capture in settings.per_interface.items():
        print(f"\n[interface.{json.dumps(name)}]")
        for item in fields(capture):
            if getattr(capture, item.name) != getattr(settings.defaults, item.name):
                print(f"{f'{item.name} = {_toml(getattr(capture, item.name))}':<44} # {origins.file.path}")
    return Exit.DONE


def _open(name: str, value: object) -> object:
    """The value, unless it is nobody's business."""
    if name == "proxy_url":
        return re.sub(r"(^|//)[^/]*@", rf"\1{credentials.HIDDEN}@", str(value))
    return credentials.HIDDEN if value and name in credentials.SECRET else value


def _origin(name: str, origins: Origins) -> str:
    variable = credentials.ADOPTED.get(name) or variables.given(name) or f"FLOWHERD_{name.upper()}"
    words = {"cli": "flag", "env": f"environment, {variable}"}
    default = "default" if os.geteuid() == 0 or not name.endswith("_dir") else "default, home folder"
    return words.get(origins.of.get(name, ""), origins.of.get(name, default))


def _toml(value: object) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
