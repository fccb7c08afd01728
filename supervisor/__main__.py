"""`python -I -m supervisor`: the same as the `flowherd` command."""

import sys

from supervisor.cli import main

sys.exit(main())
