"""`make bench`: every figure and picture of docs/benchmarks.md, measured on this machine; root, for the live parts.

.venv/bin/python bench/run.py [--only replay,live] [--quick] [--write]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import replay, page  # noqa: E402
from bench.result import machine  # noqa: E402

PARTS = {
    "replay": replay.measure,
}
