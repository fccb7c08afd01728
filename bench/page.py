"""docs/benchmarks.md and the capacity table of README.md: a part's section is replaced once it is measured."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS, README = ROOT / "docs" / "benchmarks.md", ROOT / "README.md"
HEAD = """# Benchmarks

Written by `make bench ARGS=--write` as root, which installs the peers from Debian and PyPI, measures all of this in
about forty minutes, draws the pictures and fills in the capacity table of the README; nothing here is written by hand.
`ARGS='--only replay,live'` measures some parts, `ARGS=--quick` small ones (never written here), and `--write` with
`--only` replaces their sections alone. It needs two cores, 8 GB of memory and 8 GB of disk under TMPDIR.

How it is measured: CPU seconds of all processes of a program, user and system, not the wall clock, so that others
on the machine disturb little. Where several rounds are told, programs or sizes take turns, figures are medians, and
ratios are medians of the rounds' ratios: they hold where figures drift with the machine. Live steps are made once
each, program after program. Compare within a table.
"""


def write(sections):
    """Replace what was measured; `sections`: part → its text, in the page's order; None: keep what stands there."""
    before = parts(DOCS.read_text()) if DOCS.exists() else {}
    texts = {name: text or before.get(name) for name, text in sections.items()}
    body = "\n\n".join(f"<!-- {name} -->\n{text}" for name, text in texts.items() if text)
    DOCS.write_text(f"{HEAD}\n{body}\n")


def parts(page):
    """The sections of a page by name."""
    pieces = re.split(r"^<!-- (\w+) -->\n", page, flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}


def write_readme(text):
    """Between its two marks, and nothing else of it."""
    begin, end = "<!-- capacity: make bench writes this -->", "<!-- /capacity -->"
    before, mark, rest = README.read_text().partition(begin)
    _, close, after = rest.partition(end)
    if not mark or not close:
        raise ValueError("README.md has lost the marks of its capacity table")
    README.write_text(f"{before}{begin}\n{text}\n{end}{after}")
