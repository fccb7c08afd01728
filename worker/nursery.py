"""The nursery: kernels compiled and warm, unprivileged, single-threaded; forks workers on request.

A fork costs milliseconds and shares the compiled code. Forking twice makes the worker a child of the supervisor,
which is the subreaper, so that the supervisor itself waits for it and knows how it ended.
"""

import gc
import os
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from setproctitle import setproctitle

from shared import channel


def main(descriptor: int) -> int:
    """Serve the supervisor on a channel until it closes."""
    gc.disable()  # what is loaded stays; looking through it for garbage takes longer than the kernels do
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    setproctitle("flowherd nursery")
    supervisor = socket.socket(fileno=descriptor)
    import numba  # noqa: F401 - whatever the orders will be: the supervisor reads its settings meanwhile

    with suppress(BrokenPipeError):  # nobody waits for the answer any more
        while (message := channel.receive(supervisor)) is not None:
            orders, descriptors = message
            if orders["do"] == "start":
                complain_to(descriptors)
                start(supervisor, orders)
            elif orders["do"] == "fork":
                fork(supervisor, orders["spec"], descriptors)
    return 0


def complain_to(descriptors: list[int]) -> None:
    """A live table is on the terminal: what we have to say goes where the supervisor asks for it."""
    for descriptor in descriptors:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)


def start(supervisor: socket.socket, orders: dict[str, Any]) -> None:
    """Load every kernel, run each once, then give up all privileges."""
    began_s = time.monotonic()
    from worker import jit_cache, pin

    kernels = jit_cache.use(orders["cache_dir"])
    if not (kernels / jit_cache.COMPLETE).exists():
        compile_apart(supervisor, kernels / jit_cache.COMPLETE)
    from worker import shed, warm

    warm.up()
    if orders.get("files"):
        from worker.capture import compressed

        compressed.load()
    shed.heap()
    gc.freeze()  # a collection in a worker must not copy the pages it shares with the nursery
    gc.enable()
    shed.compiler_pages()
    pin.become(orders.get("uid"), orders.get("gid"), raw=bool(orders.get("raw")))
    channel.send(supervisor, {"did": "ready", "seconds": time.monotonic() - began_s})


def compile_apart(supervisor: socket.socket, complete: Path) -> None:
    """Fill the cache from a process of its own: the compiler leaves 70 MB behind that every worker would inherit."""
    compiler = os.fork()
    if compiler:
        os.waitpid(
            compiler, 0
        )  # whatever came of it: what is missing is compiled again, and fails where it is heard
        return
    from worker import pin

    pin.die_with_parent()
    from worker import jit

    jit.watch(
        lambda done, of, name: channel.send(
            supervisor, {"did": "progress", "done": done, "of": of, "kernel": name}
        )
    )
    from worker import warm

    warm.up()
    complete.touch()
    os._exit(0)


def fork(supervisor: socket.socket, spec: dict[str, Any], descriptors: list[int]) -> None:
    """Fork the worker's parent-to-be-gone; it forks the worker and leaves, telling the pid."""
    told, tell = os.pipe()
    middle = os.fork()
    if middle == 0:
        worker = os.fork()
        if worker == 0:
            for descriptor in (
                told,
                tell,
                supervisor.fileno(),
            ):  # the pid is told when the last `tell` closes
                os.close(descriptor)
            become_worker(spec, descriptors)
        os.write(tell, str(worker).encode())
        os._exit(0)
    os.close(tell)
    os.waitpid(middle, 0)
    with os.fdopen(told) as pipe:
        pid = int(pipe.read() or 0)
    for descriptor in descriptors:
        os.close(descriptor)
    channel.send(supervisor, {"did": "fork", "name": spec["name"], "pid": pid})


def become_worker(orders: dict[str, Any], descriptors: list[int]) -> None:
    """Never returns: a worker ends with its exit code, whatever happens."""
    code = 1
    try:
        from worker.birth import live
        from worker.spec import Spec

        code = live(Spec.read(orders, descriptors))
    except BaseException:  # noqa: BLE001 - a bug: its trace goes to the log, its code to the supervisor
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)
