"""What tshark says of the captures beside the checkout, by ../shared/tools/truth.py, derived once and kept."""

import fcntl
import importlib.util
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TOOLS = Path(os.environ.get("FLOWHERD_TRUTH_TOOLS", CHECKOUT.parent / "shared" / "tools"))
ENDINGS = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".trace")


def tool(name):
    """A module of ../shared/tools."""
    spec = importlib.util.spec_from_file_location(f"truth_tool_{name}", TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def truths_of(paths, folder):
    """Path to the whole truth of it; two at a time."""
    program = TOOLS / "truth.py"
    version = sha256(program.read_bytes()).hexdigest()[:8]

    def one(path):
        kept = folder / f"whole-{version}-{sha256(path.read_bytes()).hexdigest()}.json"
        with kept.with_suffix(".lock").open("w") as lock:  # several test processes, each truth once
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                new = kept.with_suffix(f".{os.getpid()}")
                words = [sys.executable, str(program), str(path), "-o", str(new)]
                subprocess.run(words, check=True, capture_output=True)
                new.replace(kept)
        return json.loads(kept.read_text())

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(paths, pool.map(one, paths), strict=True))
