"""Command line of `flows` and `query`; what a user can get wrong ends in one sentence."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from console import filters, flows, query
from shared.errors import Exit, FlowherdError
from shared.settings import HostSettings

STORES = (
    "Without --store it is the one that --state-dir, --sink, --config and the environment name, as for run."
)
FORMATS = ("json", "csv")


def main(words: list[str]) -> int:
    """Run one verb; the exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    top = parser()
    arguments, others = top.parse_known_args(words)
    if others:
        arguments.refuse(f"unrecognized arguments: {' '.join(others)}")
    if not all(map(_is_text, words)):
        top.error("these words are not UTF-8")
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except FlowherdError as error:
        sys.stderr.write(f"flowherd: {error}\n")
        return error.code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes there at exit
        sys.stderr.write(f"flowherd: {error.strerror or error}\n")
        return Exit.FAILURE
    return code


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """End with the usage exit code."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}; {self.prog} --help lists what there is\n")


def parser() -> Parser:
    """Both verbs and their options."""
    top = Parser(prog="flowherd", description="Flows from the local store.")
    verbs = top.add_subparsers(required=True, metavar="VERB")
    _add_flows(verbs.add_parser("flows", help="the newest flow records", epilog=STORES))
    _add_query(verbs.add_parser("query", help="SQL over the view `flows`; read-only", epilog=STORES))
    return top


def _add_flows(verb: argparse.ArgumentParser) -> None:
    _add_store(verb)
    verb.add_argument(
        "--host", type=filters.network, metavar="ADDR", help="either end is this address or network"
    )
    verb.add_argument("--port", type=filters.port, help="either end's port")
    verb.add_argument("-i", "--interface", help="seen on this interface")
    verb.add_argument("--app", choices=filters.PROTOCOLS, help="exchanges of this application protocol")
    verb.add_argument(
        "--name",
        type=filters.host_name,
        help="exchanges with this host name or one below it: DNS query, HTTP host, TLS server name",
    )
    verb.add_argument(
        "--network", action="store_true", help="show round trips and losses also where room is scarce"
    )
    verb.add_argument("--since", type=filters.moment, metavar="WHEN", help="10m, 2h, 1d, or 2026-11-22T20:45")
    verb.add_argument("--limit", type=filters.count, default=50, help="how many records at most (50)")
    _add_format(verb)
    verb.set_defaults(run=flows.run, refuse=verb.error)


def _add_query(verb: argparse.ArgumentParser) -> None:
    _add_store(verb)
    verb.add_argument(
        "sql", metavar="SQL", help="for instance: select proto, sum(bytes) from flows group by all"
    )
    _add_format(verb)
    verb.set_defaults(run=query.run, refuse=verb.error)


def _add_store(verb: argparse.ArgumentParser) -> None:
    usual = Path(HostSettings().state_dir, "store")
    verb.add_argument("--store", type=Path, default=usual, metavar="DIR", help="folder of the store")


def _add_format(verb: argparse.ArgumentParser) -> None:
    chosen = verb.add_mutually_exclusive_group()
    for name in FORMATS:
        chosen.add_argument(
            f"--{name}", dest="format", action="store_const", const=name, help=f"as {name.upper()}"
        )
