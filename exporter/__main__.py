"""`python -I -m exporter FD`: FD is the inherited control channel."""

import sys

from exporter.run import main

sys.exit(main(int(sys.argv[1])))
