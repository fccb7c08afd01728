"""What the verbs that look and ask print on stdout: interfaces, check, status, reload, restart, config."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.errors import Exit, FlowherdError
from shared.interface_index import indices, tail_of
from shared.settings import CaptureSettings, HostSettings, KentikSettings, Settings
from supervisor import check, control, credentials, inventory, live, roster, variables
from supervisor.advice import advise
from supervisor.arguments import key_of
from supervisor.flags import Origins
from supervisor.links import Link
from supervisor.placement import OWN, Place, place
from supervisor.roster import Choice
from supervisor.snapshot import Row, Snapshot
from supervisor.topology import check_cpus, read_topology

GRADES = {"ok": "green", "warning": "yellow", "failed": "red"}


def show_interfaces(settings: Settings, *, as_json: bool) -> int:
    """Every link with the decision on it."""
    links = inventory.read_links()
    roster.check_names(settings.interface, links)
    choices = roster.choose(settings.interface, links)
    chosen = [choice.link for choice in choices if choice.is_chosen]
    pinned = {link.name: settings.capture_of(link.name).core for link in chosen}
    check_cpus(settings.cpus)
    topology = read_topology((link.name for link in chosen), settings.cpus)
    places = place(chosen, topology, {name: core for name, core in pinned.items() if core >= 0})
    plan = Plan(places, _granted(settings), indices({link.name: _mac(link) for link in links}))
    if as_json:
        print(json.dumps([_as_map(choice, plan) for choice in choices], indent=2))
    else:
        _print_interfaces(choices, plan)
        for sentence in advise(places, topology):
            print(sentence)
    return Exit.DONE


@dataclass(frozen=True, slots=True)
class Plan:
    """By interface: the core a flowherd would give it, the one that a running one's kernel granted, its index."""

    places: Mapping[str, Place]
    granted: Mapping[str, int | None]
    numbers: dict[str, int]


def _granted(settings: Settings) -> dict[str, int | None]:
    """Of those that a running flowherd's workers capture now; without one, or without the right to ask, none."""
    with suppress(FlowherdError):
        rows = control.ask(settings.runtime_dir, {"do": "status"}).get("rows", [])
        return {row["name"]: row["core"] for row in rows if row["state"] == "running"}
    return {}


def _mac(link: Link) -> int:
    return int(link.mac.replace(":", "") or "0", 16)


def _as_map(choice: Choice, plan: Plan) -> dict[str, Any]:
    name = choice.link.name
    where = plan.places.get(name)
    decision = {"chosen": choice.is_chosen, "reason": choice.reason, "role": choice.role}
    core = {"core": where.core if where else None, "core_reason": where.reason if where else None}
    rest = {"core_granted": plan.granted.get(name), "index": plan.numbers.get(name)}
    return {"name": name} | decision | core | rest | {"link": asdict(choice.link)}


def _print_interfaces(choices: list[Choice], plan: Plan) -> None:
    grid = Table(
        box=box.SIMPLE_HEAD, header_style="dim", border_style="dim", pad_edge=False, padding=(0, 1, 0, 0)
    )
    rows = [_interface(choice, plan) for choice in sorted(choices, key=lambda choice: not choice.is_chosen)]
    for name in tuple(rows[0]):
        if name in {"interface", "watched", "why"} or any(row[name].plain != live.NONE for row in rows):
            grid.add_column(name, no_wrap=name != "why", min_width=24 if name == "why" else None)
        else:
            for row in rows:
                del row[name]
    for row in rows:
        grid.add_row(*row.values())
    Console().print(grid)


def _interface(choice: Choice, plan: Plan) -> dict[str, Text]:
    """Its cells by column; a column in which nobody has anything is left out."""
    link, number = choice.link, plan.numbers.get(choice.link.name, 0)
    where, granted = plan.places.get(link.name), plan.granted.get(link.name, live.NONE)
    why = choice.reason + (f"; core {where.reason}" if where and where.reason != OWN else "")
    if number not in (0, tail_of(_mac(link))):
        why += f"; index {tail_of(_mac(link))} is another's"
    plain = {
        "core": str(where.core) if where else live.NONE,
        "runs on": "any" if granted is None else str(granted),
        "role": choice.role,
        "speed": f"{live.count(link.speed_mbit * 1e6)}b/s" if link.speed_mbit else live.NONE,
        "driver": link.driver or live.NONE,
        "node": str(link.numa_node) if link.numa_node >= 0 else live.NONE,
        "index": str(number) if number else live.NONE,
    }
    return {
        "interface": Text(link.name, "bold"),
        "watched": Text("yes", "green") if choice.is_chosen else Text("no", "dim"),
        **{name: Text(text) for name, text in plain.items()},
        "why": Text(why, "" if choice.is_chosen else "dim"),
    }


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
