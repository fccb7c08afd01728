"""The loop: listeners, status page, signals, and the end."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from socket import socket

from proxy import listening
from proxy.gate import Gate
from proxy.metrics import Metrics
from proxy.settings import Settings
from proxy.status import StatusPage
from proxy.tallies import Tallies
from proxy.wire import READ_LIMIT
from shared.logs import Log

RESOLVERS = 32
ENDS = (signal.SIGTERM, signal.SIGINT)


async def serve(settings: Settings, listen: socket, status: socket | None, log: Log) -> None:
    """Until SIGTERM, and then until every client is done or has had its time."""
    ends, loop = _ends(), asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(RESOLVERS, "resolver"))
    loop.set_exception_handler(lambda _, fault: log.error(fault["message"], why=repr(fault.get("exception"))))
    tallies = Tallies()
    gate = Gate(settings, tallies, log)
    server = await asyncio.start_server(gate.enter, sock=listen, limit=READ_LIMIT)
    if status is not None:
        page = StatusPage(gate, tallies, settings, Metrics(tallies, settings.max_connections).page)
        await asyncio.start_server(page.serve, sock=status, limit=READ_LIMIT)
    log.info(
        "listening", address=listening.shown(listen), status=listening.shown(status) if status else "off",
        allow=" ".join(map(str, settings.allow)),
    )  # fmt: skip
    await ends.get()
    server.close()
    await _drain(gate, ends, settings.drain_s, log)
    log.info(
        "ended", connections=tallies.connections, refused=sum(tallies.refused.values()), cut=await gate.cut()
    )


async def _drain(gate: Gate, ends: asyncio.Queue[int], seconds: float, log: Log) -> None:
    """Until all are done, the time is up, or a second signal comes."""
    log.info("draining", seconds=seconds)
    tasks = {asyncio.create_task(gate.drain()), asyncio.create_task(ends.get())}
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _ends() -> asyncio.Queue[int]:
    """Signals that end us, as they come."""
    ends = asyncio.Queue[int]()
    for number in ENDS:
        asyncio.get_running_loop().add_signal_handler(number, ends.put_nowait, number)
    return ends
