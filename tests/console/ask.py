"""A store made up for the console, and the console run as a user does."""

import os
import subprocess
import sys

from tests.exporter.test_store import filled


def fill(folder, segments, rows):
    """A store of so many segments of so many rows, numbered from 0."""
    filled(folder, segments, rows).close()
    return folder


def ask(verb, store, *words, columns=None, zone="UTC"):
    """The finished process."""
    place = {} if columns is None else {"COLUMNS": str(columns)}
    run = [sys.executable, "-I", "-m", "console", verb, "--store", str(store), *words]
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TZ": zone, **place}
    done = subprocess.run(run, capture_output=True, text=True, check=False, env=env)
    assert bool(done.stderr) == bool(done.returncode), done.stderr
    return done
