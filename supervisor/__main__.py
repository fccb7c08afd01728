"""`flowherd`, and the same as `python -I -m supervisor`: the nursery gets a head start, then the words are read."""

import sys

from supervisor import descriptors, head_start


def main() -> int:
    """What `flowherd` runs."""
    descriptors.make_good()
    head_start.give(sys.argv[1:])
    try:
        from supervisor.cli import main as command_line

        return command_line()
    finally:
        head_start.call_off()


if __name__ == "__main__":
    sys.exit(main())
