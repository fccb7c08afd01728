"""The TOML file: every key known, every value of its type, every table laid over the defaults."""

import math
import re
import tomllib
from contextlib import nullcontext
from typing import Literal

import pytest

from shared.errors import ConfigurationError
from shared.settings import CaptureSettings, Settings
from supervisor.arguments import (
    LEAST,
    MOST,
    check_target,
    check_values,
    checked,
    file_keys,
    read_file,
    with_tables,
)
from tests.conftest import ROOT

EXAMPLE = ROOT / "etc" / "flowherd.toml"


def read(text):
    return checked("f.toml", tomllib.loads(text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("drain = 3", "f.toml: drain: no such setting; did you mean drain_s?"),
        (
            "[interface.eth0]\nring_mb = 3",
            "f.toml: interface.eth0.ring_mb: no such setting; did you mean ring_mib?",
        ),
        ("[interface.eth0]\nuser = 'x'", "f.toml: interface.eth0.user: no such setting"),
        ("mode = 'dns'", "f.toml: mode: no such setting"),
        ("ring_mib = 'big'", "f.toml: ring_mib: 'big' is not a whole number"),
        ("ring_mib = true", "f.toml: ring_mib: true is not a whole number"),
        ("sinks = []", "f.toml: sinks: is empty; name one"),
        ("capture = 'dpdk'", "f.toml: capture: 'dpdk' is not ring or pcap"),
        ("sample = 'some'", "f.toml: sample: 'some' is not a whole number or auto"),
        ("sinks = 'store'", "f.toml: sinks: 'store' is not a list of texts"),
        ("interface = ['eth0']", "f.toml: interface takes tables"),
        ("interface.eth0 = 3", "f.toml: interface takes tables"),
    ],
)
def test_a_mistake_is_named_by_its_path(text, sentence):
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert str(caught.value).startswith(sentence)


def test_a_mark_of_byte_order_is_no_mistake(tmp_path):
    """As Windows' editors put it in front."""
    (tmp_path / "f.toml").write_bytes(b"\xef\xbb\xbfdrain_s = 3\r\n")
    assert read_file(str(tmp_path / "f.toml")).keys == {"drain_s": 3}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"sample = " + b"9" * 5000, "is not TOML: it has a number too long"),
        (b"sample = 0x" + b"f" * 5000, "sample: so large a number is not a whole number or auto"),
        (b"sinks = " + b"[" * 5000 + b"]" * 5000, "is not TOML: "),
        (b"user = '\xff'", "is not TOML: its byte 8 is no UTF-8"),
    ],
)
def test_no_file_ends_in_a_traceback(tmp_path, content, sentence):
    path = tmp_path / "f.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=sentence):
        read_file(str(path))


def test_a_table_is_laid_over_the_defaults_and_a_flag_beats_it():
    file = read("[interface.eth0]\nring_mib = 8\nactive_timeout_s = 5")
    settings = with_tables(
        Settings(defaults=CaptureSettings(ring_mib=16, snaplen=96)), file, {"ring_mib": "cli"}
    )
    assert CaptureSettings(ring_mib=16, snaplen=96, active_timeout_s=5.0) == settings.capture_of("eth0")
    assert settings.capture_of("eth1").ring_mib == 16


def test_a_table_may_sample_and_translate():
    file = read("[interface.eth0]\nsample = 8\ntranslate = ['192.0.2.1,80,10.0.0.1,8080']")
    capture = with_tables(Settings(), file, {}).capture_of("eth0")
    assert (capture.sample, capture.translate) == (8, ("192.0.2.1,80,10.0.0.1,8080",))
    assert hash(capture)
    auto = with_tables(Settings(), read("[interface.eth0]\nsample = 'auto'\nrecords_target = 9"), {})
    check_values(auto)
    assert (auto.capture_of("eth0").sample, auto.capture_of("eth1").rate) == ("auto", 0)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (Settings(status_port=70000), "status_port: 70000 is more than 65535"),
        (Settings(defaults=CaptureSettings(ring_mib=0)), "ring_mib: 0 is less than 2"),
        (Settings(per_interface={"e": CaptureSettings(snaplen=1)}), "interface.e.snaplen: 1 is less than 64"),
        (Settings(defaults=CaptureSettings(max_flows=10**30)), "max_flows: 10+ is more than 100000000"),
        (Settings(defaults=CaptureSettings(forget_s=math.inf)), "forget_s: inf is more than 86400"),
        (Settings(drain_s=math.nan), "drain_s: nan is no number"),
        (Settings(store_age_s=1e300), r"store_age_s: 1e\+300 is more than 3155760000"),
        (Settings(user=" "), "user: is empty; name a user"),
        (Settings(status_host=""), "status_host: is empty; name an address"),
        (Settings(interface=("eth0", "")), "interfaces: one of them is empty"),
        (Settings(state_dir="~/flows"), "state_dir: '~/flows' begins with ~, which only a shell reads"),
        (Settings(state_dir=""), "state_dir: is empty; name a folder"),
        (Settings(sink=("store:a\0b",)), "sink: .* has bytes in it that are no text"),
        (Settings(defaults=CaptureSettings(sample=-1)), "sample: -1 is less than 0"),
        (Settings(defaults=CaptureSettings(sample=10**6 + 1)), "sample: 1000001 is more than 1000000"),
        (
            Settings(per_interface={"e": CaptureSettings(translate=("1.2.3.4",))}),
            "interface.e.translate: '1.2.3.4': src port is missing; it takes addr,port,addr,port",
        ),
        (Settings(user="a\0b"), "user: .* has bytes in it that are no text"),
        (Settings(state_dir="/a\udcff"), "state_dir: .* has bytes in it that are no text"),
    ],
)
def test_values_have_bounds(settings, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        check_values(settings)


TARGET = "records_target = 9"
LACKING = "only with sample auto is there a rate to raise; add "


@pytest.mark.parametrize(
    ("text", "flags", "refused"),
    [
        (TARGET, {}, f"records_target: {LACKING}--sample auto"),
        (f"[interface.e]\n{TARGET}", {}, f'interface.e.records_target: {LACKING}sample = "auto"'),
        (f"sample = 'auto'\n[interface.e]\nsample = 8\n{TARGET}", {}, "interface.e.records_target: "),
        (f"sample = 'auto'\n[interface.e]\n{TARGET}", {}, ""),
        (f"{TARGET}\n[interface.e]\nsample = 'auto'", {}, ""),
        (f"sample = 'auto'\n{TARGET}", {"sample": 8}, ""),
        (f"[interface.e]\nsample = 'auto'\n{TARGET}", {"sample": 8}, ""),
        ("", {"sample": 8, "records_target": 9}, f"records_target: {LACKING}"),
        ("", {"records_target": 9}, f"records_target: {LACKING}"),
    ],
)
def test_a_target_wants_a_rate_to_follow_it(text, flags, refused):
    file = read(text)
    origins = dict.fromkeys(file.keys, "f.toml") | dict.fromkeys(flags, "cli")
    settings = with_tables(Settings(defaults=CaptureSettings(**file.keys | flags)), file, origins)
    with pytest.raises(ConfigurationError, match=re.escape(refused)) if refused else nullcontext():
        check_target(settings, file, origins)


def test_the_example_shows_every_key_with_its_default():
    """Uncommented, etc/flowherd.toml changes nothing."""
    top = EXAMPLE.read_text().split("#[interface.")[0]
    lines = [
        line.removeprefix("#")
        for line in top.splitlines()
        if line.startswith("#") and line[1:2] not in {" ", ""}
    ]
    content = tomllib.loads("\n".join(lines))
    assert set(file_keys()) == set(content)
    defaults = Settings()
    for key, value in read("\n".join(lines)).keys.items():
        part = next(p for p in (defaults, defaults.kentik, defaults.defaults) if hasattr(p, key))
        assert (tuple(value) if isinstance(value, list) else value) == getattr(part, key)


def test_the_example_tables_are_valid():
    text = EXAMPLE.read_text()
    tables = text[text.index("#[interface.") :].replace("\n#", "\n").removeprefix("#")
    assert {"eth0", "enp3s0f1.100"} == set(read(tables).tables)


def test_every_number_has_both_bounds():
    numbers = {name for name, hint in file_keys().items() if hint in {int, float, int | Literal["auto"]}}
    assert numbers == set(LEAST) == set(MOST)
