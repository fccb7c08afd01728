"""The house style that a machine can check: sizes, names, opening sentences."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("supervisor", "worker", "exporter", "console", "proxy", "shared")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FILE_LINES = 400
FUNCTION_LINES = 40
KERNEL_LINES = 60
VAGUE = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}

# File names of the distributions on PyPI that are called supervisor, proxy.py and worker: should one of them ever be
# installed beside us, no file of ours may be overwritten (docs/adr/0001-literal-packages.md).
TAKEN = {
    "supervisor": {
        *("childutils", "compat", "confecho", "datatypes", "dispatchers", "events", "http", "http_client"),
        *("loggers", "options", "pidproxy", "poller", "process", "rpcinterface", "scripts", "socket_manager"),
        *("states", "supervisorctl", "supervisord", "templating", "web", "xmlrpc"),
    },
    "proxy": {"common", "core", "dashboard", "http", "plugin", "proxy", "socks", "testing"},
    "worker": {"coroutine", "exception", "loop", "process", "thread", "util", "worker"},
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body; its signature and docstring are free."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


def is_kernel(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        "kernel" in ast.unparse(mark) or "jit" in ast.unparse(mark) for mark in function.decorator_list
    )


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_opens_with_a_sentence(path):
    """What it is, and its step in the path of a packet."""
    assert ast.get_docstring(ast.parse(path.read_text())), f"{name(path)} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_is_short(path):
    """A longer file says why in a comment with its limit on line one: `# 520 lines: …`."""
    lines = path.read_text().splitlines()
    first = lines[0].split() if lines else []
    allowed = int(first[1]) if first[:1] == ["#"] and first[1:2] and first[1].isdigit() else FILE_LINES
    assert len(lines) <= allowed, f"{name(path)} has {len(lines)} lines"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_functions_are_short(path):
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    limits = {f.name: (code_lines(f), KERNEL_LINES if is_kernel(f) else FUNCTION_LINES) for f in functions}
    assert {key: lines for key, (lines, limit) in limits.items() if lines > limit} == {}


def test_names_say_something():
    assert [name(path) for path in MODULES if VAGUE & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize("package", TAKEN)
def test_names_are_not_taken(package):
    assert {path.stem for path in (ROOT / package).iterdir()} & TAKEN[package] == set()


def test_every_folder_is_a_package():
    """A folder without __init__.py would merge with any folder of its name that comes later on the path."""
    assert [name(path) for path in {p.parent for p in MODULES} if not (path / "__init__.py").exists()] == []
