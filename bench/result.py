"""What a part found: a question with its tables, picture, commands and remarks; and the machine it was found on."""

import os
import platform
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Table:
    """Rows of words under their heads; a line above that says what is measured."""

    heads: tuple
    rows: list
    above: str = ""

    def __str__(self):
        lines = [self.heads, ["---"] * len(self.heads), *self.rows]
        table = "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
        return f"{self.above}\n\n{table}" if self.above else table


@dataclass
class Section:
    """One question and its answer."""

    question: str
    answer: str
    tables: list = field(default_factory=list)
    picture: str = ""
    remarks: list = field(default_factory=list)
    commands: list = field(default_factory=list)
    readme: str = ""

    def text(self, part=""):
        """As it stands in docs/benchmarks.md; no part of it: found by its commands alone."""
        day = time.strftime("%Y-%m-%d", time.gmtime())
        parts = [f"## {self.question}", wrapped(self.answer)]
        parts += [f"![{self.question}]({self.picture})"] if self.picture else []
        parts += [str(table) for table in self.tables]
        parts += ["\n".join(f"- {remark}" for remark in self.remarks)] if self.remarks else []
        commands = "\n".join(self.commands)
        parts += [f"```sh\n{commands}\n```"] if commands else []
        how = f"`make bench ARGS='--only {part}'`, " if part else ""
        parts += [f"{how}{day}, {machine()}."]
        return "\n\n".join(parts)


def wrapped(text):
    """Lines as long as those written by hand."""
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False)


def machine():
    """Processor, cores and kernel; no names."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
