"""Where compiled kernels are kept; must be settled before the first kernel is.

numba stamps a cached kernel with its own file only, so the folder is named for all sources together.
"""

import hashlib
import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

CHECK_BOUNDS = os.environ.get("FLOWHERD_CHECK_BOUNDS") == "1"
DEFAULT_ROOT = Path.home() / ".cache" / "flowherd"
UNUSED_S = 30 * 86400.0
COMPLETE = "complete"  # written when all kernels are there


def folder(root: str | Path) -> Path:
    """Folder of the compiled kernels under `root`: one for each place and state of the sources and of numba."""
    here = Path(__file__).parent  # another checkout's kernels are not found, numba names them by their place
    digest = hashlib.sha256(f"{version('numba')} {version('numpy')} {CHECK_BOUNDS} {here}".encode())
    for source in sorted([*here.rglob("*.py"), *(here.parent / "shared").glob("*.py")]):
        digest.update(source.read_bytes())
    return Path(root) / f"kernels-{digest.hexdigest()[:16]}"


def use(root: str | Path) -> Path:
    """Keep kernels under `root`, in the folder returned; folders long unused go."""
    chosen = folder(root)
    chosen.mkdir(parents=True, exist_ok=True)
    os.utime(chosen)
    for other in chosen.parent.glob("kernels-*"):
        if time.time() - other.stat().st_mtime > UNUSED_S:
            shutil.rmtree(other, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(chosen)
    if "numba" in sys.modules:
        sys.modules["numba"].config.reload_config()
    return chosen


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(folder(DEFAULT_ROOT))
