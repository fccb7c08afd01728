"""Words, verbs and precedence."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from shared.settings import CaptureSettings, Settings
from supervisor.account import Account
from supervisor.cli import _log
from supervisor.flags import LIVE_ONLY, Common, hoisted
from supervisor.outbound import ExporterOrders
from supervisor.sinks import Sink
from tests.supervisor.rig import DRIVE, flowherd


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "run"),
        ("--interface eth0", "run --interface eth0"),
        ("--interface run replay f", "replay --interface run f"),
        ("replay f --sink null", "replay f --sink null"),
        ("--sink null replay f", "replay --sink null f"),
        ("--sink=null -vv replay f", "replay --sink=null -vv f"),
        ("--promisc status", "status --promisc"),
        ("--no-promisc status", "status --no-promisc"),
        ("-i eth0 interfaces", "interfaces --interface eth0"),
        ("flows -i x", "flows -i x"),
        ("--version", "version"),
        ("--help", "--help"),
        ("replay --help", "replay --help"),
    ],
)
def test_options_stand_on_either_side_of_the_verb(words, expected):
    assert expected.split() == hoisted(words.split())


def test_flag_beats_environment_beats_file_beats_default(tmp_path):
    """Each line of `config` says where its value came from."""
    file = tmp_path / "f.toml"
    file.write_text(
        "ring_mib = 8\nsnaplen = 96\ndrain_s = 3\ninterfaces = ['eth9']\n[interface.eth1]\nring_mib = 4\n"
    )
    env = {"FLOWHERD_RING_MIB": "16", "FLOWHERD_SNAPLEN": "128", "PATH": "/bin", "HOME": str(tmp_path)}
    done = flowherd("config", "--config", file, "--ring-mib=32", env=env)
    lines = {line.split(" =")[0]: line.split("# ") for line in done.stdout.splitlines() if " = " in line}
    assert [part.strip() for part in lines["ring_mib"]] == ["ring_mib = 32", "flag"]
    assert [part.strip() for part in lines["snaplen"]] == ["snaplen = 128", "environment, FLOWHERD_SNAPLEN"]
    assert ["drain_s = 3.0", str(file)] == [part.strip() for part in lines["drain_s"]]
    assert ['interfaces = ["eth9"]', str(file)] == [part.strip() for part in lines["interfaces"]]
    assert lines["max_flows"][1] == "default"


def test_a_proxys_password_is_not_shown():
    shown = flowherd("config", "--proxy-url", "http://user:word@10.0.0.1:2020/").stdout
    assert 'proxy_url = "http://(hidden)@10.0.0.1:2020/"' in shown
    assert "word" not in shown


def test_kprobes_variables_are_named_as_such(tmp_path):
    env = {
        "KENTIK_EMAIL": "a@b",
        "KENTIK_TOKEN": "c",
        "FLOWHERD_TOKEN": "d",
        "PATH": "/bin",
        "HOME": str(tmp_path),
    }
    lines = [
        line.split("# ")[-1]
        for line in flowherd("config", env=env).stdout.splitlines()
        if "hidden" in line or "a@b" in line
    ]
    assert lines == ["environment, KENTIK_EMAIL", "environment, FLOWHERD_TOKEN"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["repaly"], 2, "no verb 'repaly'; did you mean replay?"),
        (["replay"], 2, "replay: name at least one capture file"),
        (["dns", "--sink", "null"], 2, "dns: --sink is for flows; what dns sends goes to Kentik alone"),
        (["--sink=store", "radius"], 2, "radius: --sink is for flows"),
        (["dns", "radius"], 2, "dns and radius are two modes: start a flowherd for each"),
        (["dns", "f.pcap", "--filter", "udp"], 2, "dns: --filter is for live capture"),
        (["config", "--proxy-url", "ftp://10.0.0.1"], 78, "proxy_url: it is no URL"),
        (["interfaces", "-i", "nope"], 78, "interface nope: there is none of that name; there are lo"),
        (["status", "--runtime-dir", "/nowhere"], 1, "no flowherd is running here"),
        (["config", "--sample", "x"], 78, "--sample: 'x' is not a whole number or auto"),
        (["config", "--sample", "1.5"], 78, "--sample: '1.5' is not a whole number or auto"),
        (["config", "--memory-mib=1024.9"], 78, "--memory-mib: '1024.9' is not a whole number"),
        (["config", "--http-port", "80,81"], 78, "--http-port: '80,81' is not a whole number"),
        (["config", "--drain-s", ""], 78, "--drain-s: '' is not a number"),
        (["config", "--promisc=maybe"], 78, "--promisc: 'maybe' is not true or false"),
        (["config", "--capture", "dpdk"], 78, "--capture: 'dpdk' is not ring or pcap"),
        (["radius", "--ports", "1.5"], 78, "--ports: '1.5' is not a whole number"),
        (["config", "extra"], 2, "config: 'extra' is a word too many; `flowherd config --help` says"),
        (
            ["status", f"--runtime-dir=/{'x' * 150}"],
            78,
            "runtime_dir: no socket has so long a path; 94 bytes",
        ),
        (["config", "-i", ""], 78, "interfaces: one of them is empty"),
        (["config", "--nosuch"], 2, "unknown option: --nosuch"),
        (["replay", "f", "--sample=auto"], 2, "replay: --sample auto is for live capture"),
        (["config", "--status-port", "70000"], 78, "status_port: 70000 is more than 65535"),
    ],
)
def test_a_mistake_is_one_sentence(words, code, sentence):
    done = flowherd(*words)
    assert code == done.returncode
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", ["version", "config", "interfaces", "check", "--help"])
def test_a_full_disk_behind_stdout_is_one_sentence(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*DRIVE, words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "flowherd: No space left on device\n")


def test_interfaces_explains_every_link():
    links = json.loads(flowherd("interfaces", "--json").stdout)
    assert (
        next(link["reason"] for link in links if link["name"] == "lo") == "loopback: nothing leaves the host"
    )
    assert "lo" in flowherd("interfaces").stdout


@pytest.mark.parametrize("columns", ["40", "60", "200"])
def test_interfaces_cuts_nothing_off_however_narrow_the_terminal(columns):
    said = flowherd("interfaces", env=os.environ | {"COLUMNS": columns}).stdout
    assert "loopback: nothing leaves the host" in " ".join(said.split())


def test_version():
    assert flowherd("version").stdout.startswith("flowherd 20")


@pytest.mark.parametrize(("times", "level"), [(0, "info"), (1, "debug"), (2, "trace"), (3, "trace")])
def test_verbosity_reaches_the_exporter(times, level):
    log = _log(Common(verbose=times))
    orders = ExporterOrders(Account("me"), Settings(), (), "", log_level=log.level)
    assert (log.level, orders.start_message()["settings"]["log_level"]) == (level, level)


MANUAL = {
    "Standard setup": "email token interface region device-id device-ip device-if device-name device-plan sample",
    "Optional features": "no-decode proxy-url http-port promisc translate device-site",
    "HTTP status server": "status-host status-port",
    "Printing": "verbose",
    "Debugging": "api-url flow-url metrics-url snaplen",
}


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["dns", "-h"]])
def test_help_has_the_groups_of_kprobes_manual(words):
    panels = [panel.partition("\n") for panel in flowherd(*words).stdout.split("\n╭─ ")]
    found = {title.partition(" ─")[0]: body for title, _, body in panels}
    assert [title for title in found if title in MANUAL] == list(MANUAL)
    for title, options in MANUAL.items():
        assert [one for one in options.split() if f"--{one} " not in found[title]] == []
    assert "-i STR" in found["Standard setup"]
    assert "--verbose -v" in found["Printing"]
    if words == ["--help"]:
        assert {"--help (-h)", "--version (-V)", "radius "} == {
            word for word in ("--help (-h)", "--version (-V)", "radius ") if word in found["Commands"]
        }


def test_the_manual_of_replay_has_no_option_that_replay_refuses():
    shown = {verb: flowherd(verb, "--help").stdout for verb in ("run", "replay")}
    options = [f"--{name.replace('_', '-')} " for name in LIVE_ONLY]
    assert [one for one in options if one not in shown["run"]] == []
    assert [one for one in options if one in shown["replay"]] == []


def test_the_manual_speaks_no_python():
    shown = " ".join(flowherd("--help").stdout.split())
    assert [word for word in ("()", "('store',)", "True", "False", '""') if word in shown] == []
    assert "[default: none]" in shown


def test_a_port_named_for_one_interface_is_kentiks_too():
    """Its class of a port is told by the port alone."""
    mine = CaptureSettings(http_port=(8080,), dns_port=(5353,))
    settings = Settings(per_interface={"eth1": mine}, defaults=CaptureSettings(http_port=(8000, 8080)))
    orders = ExporterOrders(Account("me"), settings, (Sink("kentik", "kentik", ""),), "")
    told = orders.start_message()["settings"]["kentik"]
    assert (told["http_port"], told["dns_port"], told["radius_port"]) == ([8000, 8080], [5353], [])
