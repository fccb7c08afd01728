"""`python -I -m proxy …`: what `flowherd proxy …` becomes."""

import os
import sys

from setproctitle import setproctitle

setproctitle("flowherd proxy")  # first of all: a token among the words must not stay in `ps`

from proxy.run import main  # noqa: E402

code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # a thread may still wait for a name server that never answers
