"""`python -I -m exporter FD`: FD is the inherited control channel."""

import os
import sys

# NumPy reads this when it is imported: threads of its linear algebra, idle, would be outside the sandbox.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from exporter.run import main

code = main(int(sys.argv[1]))
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # all is delivered; DuckDB prints a page of leaks when the status page's threads outlive it
