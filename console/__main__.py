"""`python -I -m console flows|query --store DIR …`: answers from the store, also while it is written."""

import sys

from console.arguments import main

sys.exit(main(sys.argv[1:]))
