"""FLOWHERD_… variables: exact names, lists under both names, and one line about those that are no setting's."""

import re

import pytest

from supervisor.arguments import all_hints
from supervisor.variables import given, ignored
from tests.conftest import ROOT
from tests.supervisor.rig import flowherd


def config(tmp_path, **environ):
    return flowherd("config", env={"PATH": "/bin", "HOME": str(tmp_path), **environ})


def lines_from(done):
    return [line.split("  ")[0] for line in done.stdout.splitlines() if "# environment" in line]


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"FLOWHERD_SAMPLE": "1.5"}, "FLOWHERD_SAMPLE: '1.5' is not a whole number or auto"),
        ({"FLOWHERD_SAMPLE": ""}, "FLOWHERD_SAMPLE: '' is not a whole number or auto"),
        ({"FLOWHERD_HTTP_PORT": "80 81.5"}, "FLOWHERD_HTTP_PORT: '81.5' is not a whole number"),
        ({"FLOWHERD_INTERFACE": "a", "FLOWHERD_INTERFACES": "b"}, "say the same setting; unset one of them"),
    ],
)
def test_a_bad_one_is_refused(tmp_path, environ, sentence):
    done = config(tmp_path, **environ)
    assert (done.returncode, done.stdout) == (78, "")
    assert sentence in done.stderr


def test_lists_have_the_files_name_too(tmp_path):
    done = config(tmp_path, FLOWHERD_INTERFACES="eth0 eth1", FLOWHERD_SINK="null")
    assert lines_from(done) == ['interfaces = ["eth0", "eth1"]', 'sinks = ["null"]']
    assert "# environment, FLOWHERD_INTERFACES" in done.stdout
    assert done.stderr == ""


def test_what_is_no_settings_is_said_and_changes_nothing(tmp_path):
    """Cyclopts alone would take NO_PROMISC=1 for --promisc."""
    done = config(tmp_path, FLOWHERD_NO_PROMISC="1", FLOWHERD_SAMPEL="9", FLOWHERD_SAMPLE_X="9")
    assert (done.returncode, lines_from(done)) == (0, [])
    assert done.stderr == (
        "flowherd: not heeded, for no setting has the name: FLOWHERD_NO_PROMISC (say FLOWHERD_PROMISC=false), "
        "FLOWHERD_SAMPEL (did you mean FLOWHERD_SAMPLE?), FLOWHERD_SAMPLE_X (did you mean FLOWHERD_SAMPLE?)\n"
    )


@pytest.mark.parametrize("words", [["status", "--runtime-dir=/nowhere"], ["flows", "--state-dir=/nowhere"]])
def test_who_only_asks_is_told_too(tmp_path, words):
    done = flowherd(*words, env={"PATH": "/bin", "HOME": str(tmp_path), "FLOWHERD_STATE_DIRR": "1"})
    assert done.returncode == 1
    assert done.stderr.startswith(
        "flowherd: not heeded, for no setting has the name: FLOWHERD_STATE_DIRR (did you"
    )


def test_files_to_replay_stand_on_the_command_line_alone(tmp_path):
    environ = {"PATH": "/bin", "HOME": str(tmp_path), "FLOWHERD_CAPTURES": "f.pcap"}
    done = flowherd("replay", "--sink", "null", env=environ)
    assert (done.returncode, done.stderr) == (2, "flowherd: replay: name at least one capture file\n")


def test_every_setting_and_every_variable_of_ours_is_known():
    read = {
        name
        for folder in ("bench", "exporter", "shared", "supervisor", "worker", "tests")
        for file in (ROOT / folder).rglob("*.py")
        if file.name != "test_variables.py"
        for name in re.findall(r"\"(FLOWHERD_[A-Z_]*[A-Z])\"", file.read_text())
    }
    settings = {f"FLOWHERD_{name.upper()}" for name in all_hints()}
    assert ignored(dict.fromkeys(read | settings, "1")) == ""
    assert given("filter", {"FLOWHERD_FILTER": ""}) == "FLOWHERD_FILTER"
