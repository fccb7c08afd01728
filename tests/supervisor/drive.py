"""The flowherd command with the fake nursery; FAILS set: one without kernels; FAT set: an exporter that can grow."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from supervisor.cli import main
from supervisor.nursery import Nursery
from supervisor.outbound import Exporter

if __name__ == "__main__":
    Nursery.words = (sys.executable, str(Path(__file__).with_name("fake_nursery.py")))
    if os.environ.get("FAILS"):
        Nursery.words = (sys.executable, str(Path(__file__).with_name("failing_nursery.py")))
    if os.environ.get("FAT"):
        Exporter.words = (sys.executable, str(Path(__file__).with_name("fat_exporter.py")))
    sys.exit(main())
