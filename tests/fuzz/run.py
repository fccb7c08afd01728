"""Coverage-guided fuzzing of one target for some minutes: python -m tests.fuzz.run packets --minutes 20.

New inputs go to --corpus; what breaks a promise stops it and is written beside. Wants NUMBA_DISABLE_JIT=1: functions
instrumented for coverage cannot be compiled.
"""

import argparse
import importlib
import sys
from pathlib import Path

import atheris

DECODERS = ("dns", "dhcp", "radius", "http", "postgres", "tls", "quic")
HERE = Path(__file__).resolve().parent


def module_of(name):
    """Where the target is."""
    return "tests.fuzz.packets" if name == "packets" else f"tests.worker.decoders.test_{name}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=("packets", *DECODERS))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--corpus", type=Path, default=HERE.parents[1] / ".fuzz")
    args = parser.parse_args()
    with atheris.instrument_imports(include=["worker"]):
        target = importlib.import_module(module_of(args.target)).target
    folder = args.corpus / args.target
    folder.mkdir(parents=True, exist_ok=True)
    kept = HERE / "corpus" / args.target
    words = [
        sys.argv[0],
        f"-max_total_time={round(args.minutes * 60)}",
        "-max_len=2048",
        "-print_final_stats=1",
    ]
    words += [f"-artifact_prefix={args.corpus}/{args.target}-", str(folder)]
    atheris.Setup(words + ([str(kept)] if kept.is_dir() else []), target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
