"""`python -I -m worker FD`: the nursery on the inherited channel FD."""

import sys

from worker.nursery import main

sys.exit(main(int(sys.argv[1])))
