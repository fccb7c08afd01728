"""NFStream in an environment of its own: it is measured beside flowherd, neither imported nor shipped."""

import subprocess
import sys
from functools import cache
from pathlib import Path

VERSION = "6.6.0"
ENVIRONMENT = Path.home() / ".cache" / "flowherd-bench" / f"nfstream-{VERSION}"
METER = (
    "import sys; from nfstream import NFStreamer; print(sum(1 for _ in NFStreamer(source=sys.argv[1], "
    "n_dissections=int(sys.argv[2]), statistical_analysis=False, n_meters=1, idle_timeout=60, "
    "active_timeout=60)))"
)


def command(path, dissections):
    """One meter, flows counted and thrown away."""
    return [ENVIRONMENT / "bin" / "python", "-I", "-c", METER, path, dissections]


@cache
def python():
    """The Python of the environment, made at first; None where NFStream cannot be had."""
    found = ENVIRONMENT / "bin" / "python"
    asked = [str(found), "-I", "-c", "import nfstream; print(nfstream.__version__)"]
    if found.exists() and subprocess.run(asked, check=False, capture_output=True).stdout:
        return found
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(found)]
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(ENVIRONMENT)], check=True
        )
        subprocess.run([*pip, "install", "--only-binary", ":all:", f"nfstream=={VERSION}"], check=True)
    except subprocess.CalledProcessError:
        print(f"NFStream {VERSION} cannot be installed", file=sys.stderr)
        return None
    return found
