"""Inputs a fuzzer kept because each reaches what no other does: corpus/TARGET.txt, a line of base64 an input.

python -m tests.fuzz.corpus TARGET FOLDER keeps those in a fuzzer's folder; without words it runs all that are kept.
"""

import importlib
import sys
from base64 import b64decode, b64encode
from pathlib import Path

HERE = Path(__file__).resolve().parent / "corpus"
DECODERS = ("dns", "dhcp", "radius", "http", "postgres", "tls", "quic")
TARGETS = ("packets", *DECODERS)


def module_of(name):
    """Where the target is."""
    return "tests.fuzz.packets" if name == "packets" else f"tests.worker.decoders.test_{name}"


def kept(name):
    """The inputs of a target."""
    return [b64decode(line) for line in (HERE / f"{name}.txt").read_text().splitlines()]


def pack(name, folder):
    """Keep what is in the folder, smallest first."""
    found = sorted((path.read_bytes() for path in Path(folder).iterdir()), key=lambda data: (len(data), data))
    (HERE / f"{name}.txt").write_text("".join(f"{b64encode(data).decode()}\n" for data in found))


def run(name):
    """All inputs through their target; how many."""
    target, inputs = importlib.import_module(module_of(name)).target, kept(name)
    for data in inputs:
        target(data)
    return len(inputs)


if __name__ == "__main__":
    if sys.argv[1:]:
        pack(*sys.argv[1:])
    else:
        sys.stdout.writelines(f"{name} {run(name)}\n" for name in TARGETS)
