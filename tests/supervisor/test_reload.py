"""`flowherd reload` and `restart` with real processes: what changed is touched, everyone else keeps its pid."""

import json
import os
import signal

import pytest

from shared.errors import FlowherdError
from supervisor.control import ask
from tests.supervisor.rig import flowherd, ip, namespace, places, running, until

pytestmark = pytest.mark.root
ANOTHER = ("another worker", "a new ring", "watched from now on")


@pytest.fixture(scope="module")
def inside():
    with namespace() as name:
        ip("-n", name, "link", "add", "vc", "type", "veth", "peer", "name", "xd")
        yield name


class Configured:
    """A running flowherd and its file."""

    def __init__(self, service, path):
        self.service, self.path = service, path

    def write(self, text="", tables="", interfaces='["va", "vb"]'):
        self.path.write_text(f"interfaces = {interfaces}\n{text}\n{tables}\n")

    def command(self, *words):
        return flowherd(*words, f"--config={self.path}", *places(self.service.folder))

    def ask(self, **request):
        return "".join(f"{line}\n" for line in ask(str(self.service.folder / "runtime"), request)["done"])

    def reload(self, text="", tables="", **more):
        self.write(text, tables, **more)
        return self.ask(do="reload")

    def restart(self, name):
        return self.ask(do="restart", interface=name)

    def said(self):
        return self.service.log.read_text()

    def ready(self):
        """How many exporters were."""
        return self.said().count("exporter is ready")

    def pids(self):
        return {name: row["pid"] for name, row in self.service.rows().items()}

    def exporter(self):
        return next(pid for pid, words in self.service.children().items() if "exporter" in words)


@pytest.fixture(scope="module")
def started(tmp_path_factory, inside):
    """One flowherd for all: each test reloads it, and so does each test's beginning."""
    folder = tmp_path_factory.mktemp("reload")
    made = Configured(None, folder / "flowherd.toml")
    made.write()
    with running(folder, inside, f"--config={made.path}") as made.service:
        made.service.logged("exporter is ready")
        yield made


@pytest.fixture
def configured(started):
    readied, before = started.ready(), started.pids()
    lines = started.reload().splitlines()
    if any("exporter" in line for line in lines):
        started.service.logged("exporter is ready", readied + 1)
    for name in ("va", "vb"):
        is_another = any(line.startswith(name) and any(map(line.__contains__, ANOTHER)) for line in lines)
        started.service.running(name, other_than=before.get(name, 0) if is_another else 0)
    return started


def test_nothing_has_changed(configured):
    before = configured.pids(), configured.exporter()
    assert configured.reload() == "nothing has changed\n"
    assert before == (configured.pids(), configured.exporter())


def test_one_interface_changes_and_the_other_does_not_notice(configured):
    service, before, exporter = configured.service, configured.pids(), configured.exporter()
    assert configured.reload(tables='[interface.va]\nfilter = "ip"') == "va: filter: on the living ring\n"
    assert before == configured.pids(), "the ring was told, no worker"
    timing = '[interface.va]\nfilter = "ip"\nactive_timeout_s = 5'
    assert "another worker takes over, its flows go on" in configured.reload(tables=timing)
    second = service.running("va", other_than=before["va"])
    assert "its flows are reported" in configured.reload(tables=timing + "\ndecode = false")
    third = service.running("va", other_than=second["pid"])
    smaller = timing + "\ndecode = false\nring_mib = 8"
    assert configured.reload(tables=smaller) == "va: ring_mib: on the living ring\n"
    assert third["pid"] == configured.pids()["va"], "its worker goes over to another ring"
    assert "packets in between are missed" in configured.reload(tables=smaller + "\nfanout_group = 77")
    fourth = service.running("va", other_than=third["pid"])
    assert before["vb"] == configured.pids()["vb"]
    assert exporter == configured.exporter()
    assert "worker ended, starting again" not in service.log.read_text(), "no failure in all this"
    assert configured.restart("va") == "va: another worker takes over, its flows go on\n"
    service.running("va", other_than=fourth["pid"])


def test_each_change_is_one_line_of_log(configured):
    """That of the reload, and none again when it is done."""
    before = configured.said()
    assert configured.reload('sample = "auto"') == "va: sample auto: taken on\nvb: sample auto: taken on\n"
    pid = configured.pids()["va"]
    configured.reload('sample = "auto"', "[interface.va]\nactive_timeout_s = 5")
    configured.service.running("va", other_than=pid)
    since = configured.said().removeprefix(before)
    assert since.count("va: active_timeout_s: another worker takes over") == 1
    assert "changed what=" not in since


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_other_cores_move_workers_and_it_is_said_which(configured):
    first, second = sorted(os.sched_getaffinity(0))[:2]
    before, said_before = (
        {name: row["core"] for name, row in configured.service.rows().items()},
        configured.said(),
    )
    assert {first, second} == {before["va"], before["vb"]}
    moved = next(name for name in ("va", "vb") if before[name] == second)
    said = configured.reload(f'cpus = "{first}"')
    assert said == f"cpus: taken on\n{moved}: moved from core {second} to core {first}\n"
    until(lambda: configured.service.rows()[moved]["core"] == first, "the other core is shown")
    assert configured.said().removeprefix(said_before).count("moved ") == 1, "by the line of the reload alone"


def test_interfaces_come_and_go(configured, inside):
    ip("-n", inside, "link", "set", "vc", "up")
    ip("-n", inside, "link", "set", "xd", "up")
    before = configured.pids()
    assert configured.reload(interfaces='["va", "vc"]') == (
        "interfaces: taken on\nvc: watched from now on\nvb: not watched any more\n"
    )
    configured.service.running("vc")
    until(lambda: "vb" not in configured.pids(), "vb left")
    assert before["va"] == configured.pids()["va"]


def test_a_rate_that_chooses_itself_is_a_change(configured):
    """Though it begins with the same rate, and no worker notices."""
    before = configured.pids()
    assert configured.reload("sample = 'auto'") == "va: sample auto: taken on\nvb: sample auto: taken on\n"
    assert configured.reload() == "va: sample: taken on\nvb: sample: taken on\n"
    assert before == configured.pids()


def test_what_no_link_is_there_for_is_said(configured):
    notes = (
        "interfaces: zz* matches none that is there now",
        "[interface.v*]: there is no such interface now; a table takes a name, no pattern",
        "[interface.nosuch]: there is no such interface now",
    )
    tables = '[interface."v*"]\npromisc = true\n[interface.nosuch]\npromisc = true'
    said = configured.reload(tables=tables, interfaces='["va", "vb", "zz*"]')
    assert said == "".join(f"{line}\n" for line in ("interfaces: taken on", *notes))
    none = ("interfaces: taken on", "va: not watched any more", "vb: not watched any more")
    said = configured.reload(interfaces='["zz*"]')
    assert said == "".join(f"{line}\n" for line in (*none, "no interface to watch now", notes[0]))
    assert [note for note in notes if f"warning supervisor: {note}\n" not in configured.said()] == []


def test_whoever_leaves_is_told_nothing_of_its_ring(configured):
    said = configured.reload('filter = "ip"', interfaces='["va"]')
    assert said == "interfaces: taken on\nva: filter: on the living ring\nvb: not watched any more\n"
    until(lambda: "vb" not in configured.pids(), "vb left")


def test_only_the_exporter_is_started_anew(configured):
    before, exporter, readied = configured.pids(), configured.exporter(), configured.ready()
    assert "exporter: starts anew, what is pending waits in the spool" in configured.reload("spool_mib = 77")
    configured.service.logged("exporter is ready", readied + 1)
    assert exporter != configured.exporter()
    assert before == configured.pids()
    assert "exporter ended" not in configured.said()


def test_what_the_new_exporter_refuses_leaves_the_former_settings(configured):
    """An address that is not ours: it is the new exporter that finds out."""
    before, readied = configured.pids(), configured.ready()
    assert "starts anew" in configured.reload('status_port = 1\nstatus_host = "192.0.2.1"')
    configured.service.logged("the exporter refused its new settings, the former ones stand")
    configured.service.logged("exporter is ready", readied + 1)
    assert before == configured.pids()


@pytest.mark.parametrize(
    ("text", "tables", "sentence"),
    [
        ("drain_s = 'long'", "", "drain_s: 'long' is not a number"),
        ("drainage = 1", "", "drainage: no such setting"),
        ("x = ", "", "is not TOML"),
        ("sink = ['nothing']", "", "sink: no such setting; did you mean sinks?"),
        ("", "[interface.va]\nfilter = 'foo('", "filter 'foo(' on va: can't parse filter expression"),
        ("", "[interface.va]\nsample = 10\nring_mib = 1", "interface.va.ring_mib: 1 is less than 2"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(configured, text, tables, sentence):
    before = configured.pids(), configured.exporter()
    configured.write(text, tables)
    with pytest.raises(FlowherdError) as refused:
        configured.ask(do="reload")
    assert sentence in str(refused.value)
    assert refused.value.code == 78
    assert "not reloaded, all is as before why=" in configured.said()
    assert before == (configured.pids(), configured.exporter())


def test_an_unknown_interface_is_a_mistake_too(configured):
    configured.write(interfaces='["va", "nope"]')
    done = configured.command("reload")
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr.startswith("flowherd: interface nope: there is none of that name")
    assert done.stderr.count("\n") == 1


def test_what_needs_a_restart_is_said_and_left(configured):
    text = "user = 'daemon'\ndrain_s = 3\nsandbox = false\nlog_format = 'json'"
    said = configured.reload(text, "[interface.va]\ncapture = 'pcap'")
    assert "drain_s: taken on\n" in said
    assert "user, sandbox, log_format, capture: as before until flowherd is started anew\n" in said
    assert '{"' not in configured.said(), "lines are as they were"


def test_sighup_reloads(configured):
    before, refused = configured.pids(), configured.said().count("not reloaded")
    configured.write(tables="[interface.va]\nactive_timeout_s = 5")
    configured.service.process.send_signal(signal.SIGHUP)
    configured.service.running("va", other_than=before["va"])
    configured.write("x = ")
    configured.service.process.send_signal(signal.SIGHUP)
    configured.service.logged("not reloaded", refused + 1)
    assert before["vb"] == configured.pids()["vb"]


def test_restart_of_a_worker_that_does_not_answer(configured):
    service, before = configured.service, configured.pids()
    os.kill(before["va"], signal.SIGSTOP)
    configured.restart("va")
    service.running("va", other_than=before["va"])
    assert before["vb"] == configured.pids()["vb"]


def test_restart_of_what_is_not_there(configured, inside):
    ip("-n", inside, "link", "set", "vc", "down")
    done = configured.command("restart", "nope")
    assert done.returncode == 1
    assert done.stderr.startswith("flowherd: interface nope: there is none of that name; watched are v")
    with pytest.raises(FlowherdError, match="vc is not watched now: not among the interfaces named"):
        configured.restart("vc")


def test_status_and_its_json(configured):
    """Whatever mistake is in the file by now."""
    configured.write("x = ")
    assert "2 of 2 interfaces watched" in configured.command("status").stdout
    assert json.loads(configured.command("status", "--json").stdout)["pid"] == configured.service.process.pid
