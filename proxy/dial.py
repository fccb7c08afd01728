"""Name to addresses, addresses to one connection: of those that may be used, the first to answer (RFC 8305)."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, zip_longest

from proxy import addresses
from proxy.refusal import in_words, private, too_late, unreachable
from proxy.wire import READ_LIMIT, Wire

STAGGER_S = 0.25
ADDRESSES_MAX = 8
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def dial(host: str, port: int, *, named: bool, seconds: float) -> Wire:
    """A connection to an address that was checked, not to the name again; raises Refusal."""
    try:
        async with asyncio.timeout(seconds):
            found = await _addresses(host, port)
            usable = addresses.usable(found, named=named)
            if not usable:
                raise private(host)
            return Wire(*await first_to_answer(interleaved(usable)[:ADDRESSES_MAX], port))
    except TimeoutError as error:
        raise too_late(host, "connection", seconds) from error
    except UnicodeError as error:
        raise unreachable(host, "its name is too long") from error
    except OSError as error:
        raise unreachable(host, in_words(error)) from error


async def _addresses(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def interleaved(found: Sequence[str]) -> list[str]:
    """IPv6 and IPv4 in turn, the resolver's first choice first."""
    six = [address for address in found if ":" in address]
    four = [address for address in found if ":" not in address]
    families = (six, four) if found[:1] == six[:1] else (four, six)
    return [address for address in chain.from_iterable(zip_longest(*families)) if address is not None]


async def first_to_answer(found: Sequence[str], port: int) -> Streams:
    """Try each a little after the one before; the last error when none answers."""
    waiting, running, failure = list(found), set[asyncio.Task[Streams]](), OSError("no address")
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_connect(waiting.pop(0), port)))
            done, running = await asyncio.wait(
                running, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            good = [task.result() for task in done if task.exception() is None]
            if good:
                for _, writer in good[1:]:
                    writer.transport.abort()
                return good[0]
            failure = next(
                (error for task in done if isinstance(error := task.exception(), OSError)), failure
            )
        raise failure
    finally:
        await _give_up(running)


async def _connect(address: str, port: int) -> Streams:
    return await asyncio.open_connection(address, port, limit=READ_LIMIT)


async def _give_up(running: set[asyncio.Task[Streams]]) -> None:
    for task in running:
        task.cancel()
    for task in running:
        with suppress(OSError, asyncio.CancelledError):
            (await task)[1].transport.abort()
