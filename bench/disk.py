"""A small disk of one's own in memory, and having it full for a while."""

import subprocess
from contextlib import contextmanager, suppress

CHUNK = b"\0" * 65536


@contextmanager
def small_disk(folder, mib):
    """A tmpfs of so many MiB there."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(folder):
    """Not an octet is free in there."""
    filler = folder / "filler"
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(CHUNK)
        yield
    finally:
        filler.unlink(missing_ok=True)
