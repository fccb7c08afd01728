"""`python -I -m exporter FD`: FD is the inherited control channel."""

import os
import sys

from exporter.run import main

code = main(int(sys.argv[1]))
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # all is delivered; DuckDB prints a page of leaks when the status page's threads outlive it
