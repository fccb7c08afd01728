"""One measured figure, and the machine it was measured on."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Result:
    """What was measured, the figure, and how."""

    what: str
    figure: str
    how: str

    def __str__(self):
        return f"{self.what}: {self.figure} ({self.how})"


def machine():
    """Processor, cores and kernel; no names."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
