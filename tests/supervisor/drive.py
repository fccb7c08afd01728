"""The flowherd command with the fake nursery in the nursery's place."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from supervisor.cli import main
from supervisor.nursery import Nursery

if __name__ == "__main__":
    Nursery.words = (sys.executable, str(Path(__file__).with_name("fake_nursery.py")))
    sys.exit(main())
