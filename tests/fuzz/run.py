"""Coverage-guided fuzzing of one target for some minutes: python -m tests.fuzz.run packets --minutes 20.

It begins with messages (tests/fuzz/seeds.py) and the inputs kept (tests/fuzz/corpus.py). New ones go to --corpus; what
breaks a promise stops it and is written beside. Wants NUMBA_DISABLE_JIT=1: functions instrumented for coverage cannot
be compiled.
"""

import argparse
import importlib
import sys
from pathlib import Path

import atheris

from tests.fuzz.corpus import TARGETS, kept, module_of

ROOT = Path(__file__).resolve().parents[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--corpus", type=Path, default=ROOT / ".fuzz")
    args = parser.parse_args()
    with atheris.instrument_imports(include=["worker"]):
        target = importlib.import_module(module_of(args.target)).target
        from tests.fuzz.seeds import SEEDS  # it imports decoders too
    folder = args.corpus / args.target
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate([*SEEDS[args.target], *kept(args.target)]):
        (folder / f"begin-{number}").write_bytes(data)
    words = [
        sys.argv[0],
        f"-max_total_time={round(args.minutes * 60)}",
        "-max_len=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={args.corpus}/{args.target}-",
        str(folder),
    ]
    atheris.Setup(words, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
