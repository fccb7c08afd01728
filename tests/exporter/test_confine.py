"""What the exporter may still do in its sandbox, tried in a process of its own that enters the same."""

import json
import socket
import subprocess
import sys

import pytest

from exporter.confine import DNS_PORT, wanted
from exporter.orders import KentikOrders, Orders, SinkOrder
from shared import landlock
from tests.exporter.rig import ROOT

STORE = SinkOrder("store", "store", "")
NEEDS = pytest.mark.skipif(landlock.version() < 4, reason="Landlock of this kernel knows no ports")
TRIES = """
import json, os, socket, sys
sys.path.insert(0, sys.argv[1])
import psutil
from exporter import confine
from exporter.orders import KentikOrders, Orders, SinkOrder
from shared import privileges
told = json.loads(sys.argv[2])
kentik = KentikOrders(api_url=told["url"])
sinks = tuple(SinkOrder(kind, kind, told["store"] if kind == "store" else "") for kind in told["kinds"])
privileges.become(None, None)
confine.confine(Orders(sinks, kentik, spool_dir=told["spool"]))
def connect(port):
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", port))
def write(path):
    with open(path, "w") as file:
        file.write("x")
tries = {
    "spool": lambda: write(told["spool"] + "/x"),
    "store": lambda: os.rename(told["spool"] + "/x", told["store"] + "/x"),
    "elsewhere": lambda: write(told["elsewhere"] + "/x"),
    "read elsewhere": lambda: open(told["elsewhere"] + "/secret").read(),
    "library": lambda: __import__("wave"),
    "kentik": lambda: connect(told["port"]),
    "other port": lambda: connect(told["other"]),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)),
    "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "names": lambda: socket.getaddrinfo("localhost", 443),
    "interfaces": lambda: psutil.net_if_addrs(),
    "program": lambda: os.execv("/bin/true", ["true"]),
    "fork": lambda: os._exit(0) if os.fork() == 0 else None,
}
def outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return error.strerror
    return "done"
print(json.dumps({what: outcome(attempt) for what, attempt in tries.items()}))
"""


def tried(tmp_path, *kinds):
    """Which attempts succeeded."""
    names = ("spool", "store", "elsewhere")
    places = {name: str(tmp_path / name / "folder") for name in names}
    for name in names:
        (tmp_path / name / "folder").mkdir(parents=True)
    (tmp_path / "elsewhere/folder/secret").write_text("?")
    with socket.create_server(("127.0.0.1", 0)) as kentik, socket.create_server(("127.0.0.1", 0)) as other:
        port = kentik.getsockname()[1]
        told = {
            "url": f"http://127.0.0.1:{port}",
            "port": port,
            "other": other.getsockname()[1],
            "kinds": kinds,
        }
        command = [sys.executable, "-I", "-c", TRIES, str(ROOT), json.dumps(told | places)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return {what for what, outcome in json.loads(done.stdout).items() if outcome == "done"}


@NEEDS
def test_a_store_needs_its_folders_and_no_network(tmp_path):
    assert tried(tmp_path, "store") == {"spool", "store", "library", "names"}


@NEEDS
def test_kentik_needs_the_network_and_only_there(tmp_path):
    reached = {"spool", "store", "library", "kentik", "names", "interfaces"}
    assert tried(tmp_path, "store", "kentik") == reached


def test_ports_are_those_of_urls_and_of_the_proxy():
    kentik = KentikOrders(api_url="http://a.example:8080", proxy_url="socks5://user:secret@b.example")
    made = wanted(Orders((STORE, SinkOrder("kentik", "kentik", "")), kentik))
    assert set(made.ports) == {DNS_PORT, 8080, 443, 1080}
    assert wanted(Orders((STORE,))).ports == ()
