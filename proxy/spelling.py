"""kproxy's spelling made ours: one dash or two, `_` or `-`, a value after a space or `=`; pure."""

import re
from collections.abc import Sequence

_OPTION = re.compile(r"--?(?P<name>[A-Za-z][\w-]*)(=(?P<value>.*))?", re.DOTALL)
_LETTERS = re.compile(r"-(h|v+)")
NEW_NAMES = {"proxy-http-allow": "allow", "api-pass": "api-token"}
SWITCHES = frozenset({"verbose", "help", "fg", "stdout"})
YES, NO = frozenset({"true", "t", "1"}), frozenset({"false", "f", "0"})

# What kproxy does beside being a proxy; listed so that a unit file that asks for it is not half obeyed in silence.
ELSEWHERE = frozenset({
    "port", "site-id", "proxy-host", "healthcheck", "bootstrap-devices", "dns", "my-network", "local-proxy",
    "sflow-agent-address", "sflow-drop-egress", "metrics", "max", "max-big", "sampleinterval",
    "sample-rate", "max-http-send", "num-http-send", "rcvbuf-size", "snmp-file", "snmp-community",
    "snmp-ip", "snmp-v3", "snmp-low", "snmp-max", "snmp-max-cycle", "snmp-max-repetitions", "snmp-retries",
    "snmp-timeout-seconds", "proxy-snmp", "st-dialout-listener", "st-udp-bind", "st-tcp-bind", "st-v1",
    "tee-kproxy", "http", "http-udr", "remap-file", "mask-file", "cloud-map", "custom-cols",
    "extensible-cols", "tls-ca-file", "tls-cert-file", "tls-key-file", "exit-low-traffic",
    "update-on-restart", "use-asn-from-flow", "use-ue-from-flow", "rpki-bind", "rpki-cache",
    "rpki-local-cache", "type", "base-port",
})  # fmt: skip


def in_full(words: Sequence[str]) -> list[str]:
    """Every option as `--name` or `--name=value`; like kproxy, the word after an option is its value."""
    rest, full = list(words), list[str]()
    while rest:
        word = rest.pop(0)
        match = None if _LETTERS.fullmatch(word) else _OPTION.fullmatch(word)
        if match is None:
            full.append(word)
            continue
        name = match["name"].lower().replace("_", "-")
        name = NEW_NAMES.get(name, name)
        full += _switch(name, match["value"]) if name in SWITCHES else [_valued(name, match["value"], rest)]
    return full


def elsewhere(words: Sequence[str]) -> str | None:
    """The first option that kproxy has for another of its trades."""
    names = (word[2:].partition("=")[0] for word in words if word.startswith("--"))
    return next((name for name in names if name in ELSEWHERE), None)


def _switch(name: str, value: str | None) -> list[str]:
    if value is None or value.lower() in YES:
        return [f"--{name}"]
    return [] if value.lower() in NO else [f"--{name}={value}"]


def _valued(name: str, value: str | None, rest: list[str]) -> str:
    if value is None and rest and name not in ELSEWHERE:
        value = rest.pop(0)
    return f"--{name}" if value is None else f"--{name}={value}"
